// Memory prediction.
#include "pipeline/memory.h"

#include "pipeline/loaded_model.h"
#include "tensor/counting_backend.h"

namespace imagent {

static MemoryNeed count_memory(std::shared_ptr<const ModelSource> source, const RunShape& shape) {
  CountingBackend counter;
  LoadedModel model(std::move(source), counter, shape.compute);
  model.load();
  if (shape.picture_height > 0) model.vae_encoder();
  MemoryNeed need{model.packed_bytes(), 0};
  const size_t held = counter.peak_bytes();  // small vectors of the norms: part of packed_bytes
  const UNet2DConditionModel& unet = model.unet();
  int64_t width = 0;
  for (const ClipTextModel& encoder : model.text_encoders()) {
    encoder(std::vector<int32_t>(ClipTokenizer::max_length, 0));
    width += encoder.width();
  }
  check(width == unet.context_width(), "the text encoders give ", width, " channels, the UNet wants ", unet.context_width());
  const bool blank_row = model.unet_input() == UNetInput::editing && shape.rows > 1;
  const int64_t rows = int64_t{shape.rows + blank_row} * shape.pictures;
  const Tensor sample(counter, {rows, shape.latent_height, shape.latent_width, unet.in_channels()}, shape.compute);
  unet(sample, unet.blank_conditions(rows, shape.tokens));
  counter.release_cached();  // as a run does
  const auto of_tile = [&](int side, int pixels) { return shape.vae_tile ? std::min(side, shape.vae_tile * pixels) : side; };
  if (shape.picture_height > 0) {
    model.vae_encoder()(Tensor(counter, {1, of_tile(shape.picture_height, 8), of_tile(shape.picture_width, 8), 3}, shape.compute));
    counter.release_cached();
  }
  model.vae_decoder()(Tensor(counter, {1, of_tile(shape.latent_height, 1), of_tile(shape.latent_width, 1), model.vae_config().latent_channels}, shape.compute));
  need.activations = counter.peak_bytes() - held;
  return need;
}

MemoryNeed predict_memory(std::shared_ptr<const ModelSource> source, const RunShape& shape) {
  try {
    return count_memory(source, shape);
  } catch (const Error& error) {  // what an op refuses here is the fault of the files
    if (error.kind != ErrorKind::internal) throw;
    fail(ErrorKind::model, source->path().string(), ": its weights and its configuration do not fit together: ", error.text);
  }
}

void check_memory(const MemoryNeed& need, size_t already_loaded, size_t available, const std::string& what) {
  const size_t wanted = need.total() - std::min(need.weights, already_loaded);
  check(wanted <= available, ErrorKind::memory, "not enough memory for ", what, ": about ", wanted >> 20, " MiB are needed (",
        need.weights >> 20, " MiB of weights, ", need.activations >> 20, " MiB to compute), ", available >> 20, " MiB are available");
}

}  // namespace imagent
