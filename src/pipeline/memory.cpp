// Memory prediction.
#include "pipeline/memory.h"

#include "pipeline/loaded_model.h"
#include "tensor/counting_backend.h"

namespace imagent {

MemoryNeed predict_memory(const ModelFolder& folder, const RunShape& shape) {
  CountingBackend counter;
  LoadedModel model(folder, counter, shape.compute);
  model.load();
  MemoryNeed need{model.packed_bytes(), 0};
  const size_t held = counter.peak_bytes();  // small vectors of the norms: part of packed_bytes
  const UNet2DConditionModel& unet = model.unet();
  const Tensor sample(counter, {shape.rows, shape.latent_height, shape.latent_width, unet.in_channels()}, shape.compute);
  unet(sample, unet.blank_conditions(shape.rows, shape.tokens));
  counter.release_cached();  // as a run does
  const VaeDecoder& decoder = model.vae_decoder();
  decoder(Tensor(counter, {1, shape.latent_height, shape.latent_width, decoder.conv_in.packed.in}, shape.compute));
  need.activations = counter.peak_bytes() - held;
  return need;
}

void check_memory(const MemoryNeed& need, size_t already_loaded, size_t available, const std::string& what) {
  const size_t wanted = need.total() - std::min(need.weights, already_loaded);
  check(wanted <= available, ErrorKind::memory, "not enough memory for ", what, ": about ", wanted >> 20, " MiB are needed (",
        need.weights >> 20, " MiB of weights, ", need.activations >> 20, " MiB to compute), ", available >> 20, " MiB are available");
}

}  // namespace imagent
