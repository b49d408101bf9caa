// Memory prediction.
#include "pipeline/memory.h"

#include <algorithm>
#include <map>

#include "pipeline/control.h"
#include "pipeline/image_prompt.h"
#include "pipeline/loaded_model.h"
#include "pipeline/tiled_vae.h"
#include "tensor/counting_backend.h"

namespace imagent {

namespace {

// The ControlNets of a run, rebuilt on the backend that counts, with blank pictures to look at.
struct CountedControls {
  std::map<const LoadedControl*, std::unique_ptr<LoadedControl>> nets;
  std::vector<Control> controls;

  CountedControls(Backend& counter, const RunShape& shape, const UNetEncoder& unet) {
    const Size size{8 * shape.latent_width, 8 * shape.latent_height};
    Request request;
    std::vector<LoadedControl*> units;
    for (const LoadedControl* net : shape.controls) {
      auto& counted = nets[net];
      if (!counted) counted = std::make_unique<LoadedControl>(net->files(), counter, shape.compute);
      units.push_back(counted.get());
      request.controls.push_back({.model = {}, .image = std::make_shared<const Image>(size.width, size.height, 3), .region = std::make_shared<const Image>(8, 8, 1)});
    }
    controls = make_controls(units, request, size, unet);
  }
  UNetResiduals residuals(Backend& counter, Shape latents, const UNetConditions& conditions) const {
    const std::vector<const Control*> active = active_in(controls, 0, 1);
    const std::vector<ControlRow> rows(static_cast<size_t>(latents[0]), ControlRow{active, true});
    return control_residuals(Tensor(counter, latents, conditions.context.dtype()), conditions, rows);
  }
  size_t packed_bytes() const {
    size_t bytes = 0;
    for (const auto& [net, counted] : nets) bytes += counted->packed_bytes();
    return bytes;
  }
};

// Its IP-Adapters, likewise.
struct CountedImagePrompts {
  std::map<const LoadedImageEncoder*, std::shared_ptr<LoadedImageEncoder>> encoders;
  std::map<const LoadedIpAdapter*, std::unique_ptr<LoadedIpAdapter>> adapters;
  std::vector<ImagePrompt> prompts;

  CountedImagePrompts(Backend& counter, const RunShape& shape, const UNet2DConditionModel& unet) {
    Request request;
    std::vector<LoadedIpAdapter*> units;
    for (const LoadedIpAdapter* adapter : shape.ip_adapters) {
      auto& encoder = encoders[adapter->encoder().get()];
      if (!encoder) encoder = std::make_shared<LoadedImageEncoder>(adapter->encoder()->files(), counter, shape.compute);
      auto& counted = adapters[adapter];
      if (!counted) counted = std::make_unique<LoadedIpAdapter>(adapter->files(), encoder, counter, shape.compute);
      units.push_back(counted.get());
      request.ip_adapters.push_back({.image = std::make_shared<const Image>(1, 1, 3), .region = std::make_shared<const Image>(8, 8, 1)});
    }
    prompts = with_regions(make_image_prompts(units, request, unet), request, {8 * shape.latent_width, 8 * shape.latent_height}, unet);
    counter.release_cached();
  }
  std::vector<ImageKeys> keys(int64_t rows) const {
    const std::vector<const ImagePrompt*> active = active_in(prompts, 0, 1);
    return image_keys(std::vector<ImagePromptRow>(static_cast<size_t>(rows), ImagePromptRow{active, true}));
  }
  size_t packed_bytes() const {
    std::vector<LoadedIpAdapter*> all;
    for (const auto& [original, counted] : adapters) all.push_back(counted.get());
    return imagent::packed_bytes(all);
  }
};

// Decodes a preview; -> bytes of the weights.
size_t count_previewer(Backend& counter, const VaeSource& source, const RunShape& shape) {
  LoadedVae previewer(source, counter, shape.compute);
  const PictureDecoder decoder = previewer.picture_decoder(vae_tile_sides[0]);
  decoder.network(Tensor(counter, {1, std::min(shape.latent_height, decoder.tile), std::min(shape.latent_width, decoder.tile), decoder.config.latent_channels}, shape.compute));
  return previewer.packed_bytes();
}

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
  const CountedImagePrompts images(counter, shape, unet);
  need.weights += controls.packed_bytes() + images.packed_bytes();
  const auto of_tile = [&](int side, int pixels) { return shape.vae_tile ? std::min(side, shape.vae_tile * pixels) : side; };
  if (shape.picture_height > 0) {
    model.vae_encoder()(Tensor(counter, {1, of_tile(shape.picture_height, 8), of_tile(shape.picture_width, 8), 3}, shape.compute));
    counter.release_cached();  // here and below: as a run does
  }
  const bool blank_row = model.unet_input() == UNetInput::editing && shape.rows > 1;
  const int64_t rows = int64_t{shape.rows + blank_row} * shape.pictures;
  const Tensor sample(counter, {rows, shape.latent_height, shape.latent_width, unet.in_channels()}, shape.compute);
  UNetConditions conditions = unet.blank_conditions(rows, shape.tokens);
  conditions.images = images.keys(rows);
  unet(sample, conditions, controls.residuals(counter, {rows, shape.latent_height, shape.latent_width, 4}, conditions));
  const bool side_by_side = decodes_side_by_side(shape.latent_height, shape.latent_width);
  const auto decode = [&] {
    const int64_t at_once = side_by_side ? shape.pictures : 1;
    model.vae_decoder()(Tensor(counter, {at_once, of_tile(shape.latent_height, 1), of_tile(shape.latent_width, 1), model.vae_config().latent_channels}, shape.compute));
  };
  if (shape.previews_by_vae) decode();
  if (shape.previewer) need.weights += count_previewer(counter, *shape.previewer, shape);
  if (!side_by_side) counter.release_cached();
  decode();
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

size_t MemoryBudget::wanted(const MemoryNeed& need) const {
  if (backend.swaps_weights()) return need.activations;
  return limit ? need.total() + unused : need.total() - std::min(need.weights, loaded);
}

size_t MemoryBudget::available() const {
  if (!seen) seen = limit ? limit : backend.available_bytes();
  return *seen;
}

void check_memory(const MemoryNeed& need, const MemoryBudget& budget, const std::string& what) {
  const size_t wanted = budget.wanted(need), available = budget.available();
  check(wanted <= available, ErrorKind::memory, "not enough memory for ", what, ": about ", wanted >> 20, " MiB are needed (",
        need.weights >> 20, " MiB of weights, ", need.activations >> 20, " MiB to compute), ", available >> 20, " MiB are available");
}

}  // namespace imagent
