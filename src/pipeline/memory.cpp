// Memory prediction.
#include "pipeline/memory.h"

#include <map>

#include "pipeline/control.h"
#include "pipeline/loaded_model.h"
#include "tensor/counting_backend.h"

namespace imagent {

namespace {

// The ControlNets of a run, rebuilt on the backend that counts, with blank pictures to look at.
struct CountedControls {
  std::map<const LoadedControlNet*, std::unique_ptr<LoadedControlNet>> nets;
  std::vector<Control> controls;

  CountedControls(Backend& counter, const RunShape& shape, const UNetEncoder& unet) {
    const Size size{8 * shape.latent_width, 8 * shape.latent_height};
    Request request;
    std::vector<LoadedControlNet*> units;
    for (const LoadedControlNet* net : shape.controlnets) {
      auto& counted = nets[net];
      if (!counted) counted = std::make_unique<LoadedControlNet>(net->files(), counter, shape.compute);
      units.push_back(counted.get());
      request.controls.push_back({.model = {}, .image = std::make_shared<const Image>(size.width, size.height, 3)});
    }
    controls = make_controls(units, request, size, unet);
  }
  UNetResiduals residuals(Backend& counter, Shape latents, const UNetConditions& conditions) const {
    const std::vector<const Control*> active = active_controls(controls, 0, 1);
    const std::vector<ControlRow> rows(static_cast<size_t>(latents[0]), ControlRow{active, true});
    return control_residuals(Tensor(counter, latents, conditions.context.dtype()), conditions, rows);
  }
  size_t packed_bytes() const {
    size_t bytes = 0;
    for (const auto& [net, counted] : nets) bytes += counted->packed_bytes();
    return bytes;
  }
};

}  // namespace

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
  const CountedControls controls(counter, shape, unet);
  need.weights += controls.packed_bytes();
  const bool blank_row = model.unet_input() == UNetInput::editing && shape.rows > 1;
  const int64_t rows = int64_t{shape.rows + blank_row} * shape.pictures;
  const Tensor sample(counter, {rows, shape.latent_height, shape.latent_width, unet.in_channels()}, shape.compute);
  const UNetConditions conditions = unet.blank_conditions(rows, shape.tokens);
  unet(sample, conditions, controls.residuals(counter, {rows, shape.latent_height, shape.latent_width, 4}, conditions));
  counter.release_cached();  // as a run does
  if (shape.picture_height > 0) {
    model.vae_encoder()(Tensor(counter, {1, shape.picture_height, shape.picture_width, 3}, shape.compute));
    counter.release_cached();
  }
  const VaeDecoder& decoder = model.vae_decoder();
  decoder(Tensor(counter, {1, shape.latent_height, shape.latent_width, decoder.conv_in.packed.in}, shape.compute));
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
