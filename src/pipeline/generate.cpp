// One request from text to pictures: load, encode the prompts, draw, decode.
#include <algorithm>

#include "base/memory.h"
#include "pipeline/cache_report.h"
#include "pipeline/canvas.h"
#include "pipeline/defaults.h"
#include "pipeline/describe.h"
#include "pipeline/draw_pass.h"
#include "pipeline/engine_state.h"
#include "pipeline/find_parts.h"
#include "pipeline/hires.h"
#include "pipeline/memory.h"
#include "pipeline/preview.h"
#include "pipeline/prompt_text.h"
#include "pipeline/request_fields.h"
#include "pipeline/run_adapters.h"
#include "pipeline/run_hashes.h"
#include "pipeline/sharing_key.h"
#include "pipeline/tiled_vae.h"

namespace imagent {
namespace {

namespace fs = std::filesystem;

DType compute_dtype(const Backend& backend, const Request& request) {
  const DType compute = request.dtype.value_or(backend.supports(DType::bf16) ? DType::bf16 : DType::f32);
  check(backend.supports(compute), ErrorKind::unsupported, "the device ", backend.name(), " cannot compute in ", name_of(compute),
        " on this machine: f32 is always possible");
  return compute;
}

// The second pass of a run, when it has one.
struct Hires {
  std::optional<Request> request;
  std::unique_ptr<const Upscaler> upscaler;  // none: latents are enlarged
};

// Of the picture that goes through the VAE's encoder; 0x0 when none does.
Size encoded_size(const Request& r, const Canvas& canvas, const Hires& hires) {
  if (hires.upscaler) return hires_enlarged_size(r);
  return {canvas.picture.width, canvas.picture.height};
}

struct MemoryBounds {
  Engine::State& state;
  size_t scratch;                    // bytes that merging LoRAs needs while the model loads
  const LoadedPreviewer* previewer;  // of a run with previews by one
};

// Refuses before anything is loaded when the memory would not do for the model and, after it, its refiner.
// -> the side in latents of the tiles that the VAE is to work on, 0: the whole picture.
int check_memory_of_run(const RunContext& c, const Request& r, Size encoded, const MemoryBounds& bounds) {
  LoadedModel &base = c.base, *refiner = c.refiner;
  const auto need_of_model = [&](LoadedModel& model, int vae_tile, int pictures) {
    const PromptShape prompt = prompt_shape(model, r);
    RunShape shape{.latent_height = r.height / 8, .latent_width = r.width / 8, .rows = prompt.rows, .tokens = prompt.tokens,
                   .compute = model.compute(), .pictures = pictures, .vae_tile = vae_tile};
    if (&model == &base) {
      shape.picture_height = encoded.height;
      shape.picture_width = encoded.width;
      shape.controls.assign(c.controls.begin(), c.controls.end());
      shape.ip_adapters.assign(c.ip_adapters.begin(), c.ip_adapters.end());
      shape.previewer = bounds.previewer ? &bounds.previewer->source() : nullptr;
      shape.previews_by_vae = r.preview_every > 0 && r.preview == PreviewKind::vae;
    }
    return model.memory_need(shape);
  };
  const auto need_with = [&](int vae_tile, int pictures) {
    const MemoryNeed need = need_of_model(base, vae_tile, pictures), more = refiner && refiner != &base ? need_of_model(*refiner, vae_tile, pictures) : MemoryNeed{};
    return MemoryNeed{need.weights + more.weights, std::max({need.activations, more.activations, bounds.scratch})};
  };
  std::vector<const void*> used(c.controls.begin(), c.controls.end());
  used.insert(used.end(), c.ip_adapters.begin(), c.ip_adapters.end());
  used.insert(used.end(), {&base, refiner, bounds.previewer});
  MemoryBudget budget{.backend = base.backend(), .limit = bounds.state.memory_limit, .loaded = base.packed_bytes() + c.packed_bytes_of_adapters(), .unused = bounds.state.unused_bytes(used)};
  if (refiner && refiner != &base) budget.loaded += refiner->packed_bytes();
  if (bounds.previewer) budget.loaded += bounds.previewer->packed_bytes();
  int tile = r.vae_tiling ? vae_tile_sides[0] : 0;
  MemoryNeed need = need_with(tile, r.batch);
  if (budget.limit || budget.wanted(need) > budget.available()) base.backend().release_cached();  // what earlier runs left in the pool is free too
  while (budget.wanted(need) > budget.available() && bounds.state.drop_unused(used)) budget.unused = bounds.state.unused_bytes(used);
  for (const int side : vae_tile_sides) {
    if (budget.wanted(need) <= budget.available() || r.tiling) break;
    if (side >= std::max(r.height, r.width) / 8 || (tile && side >= tile)) continue;
    need = need_with(tile = side, r.batch);
  }
  check_memory(need, budget,
               str(base.source()->name(), refiner ? str(" with ", refiner->source()->name()) : "", " at ", r.width, "x", r.height,
                   r.batch > 1 ? str(", batch ", r.batch) : ""));
  int shared = bounds.state.device.pictures();  // with other runs in a UNet call: as many as the memory does for
  while (shared > r.batch && budget.wanted(need_with(tile, shared)) > budget.available()) shared /= 2;
  c.turn.limit_pictures(shared);
  return tile;
}

// Whether the model takes what the request has to give.
void check_workflow(LoadedModel& model, const Request& r) {
  const UNetInput kind = model.unet_input();
  const std::string& name = model.source()->name();
  check(kind == UNetInput::latents || r.init_image, ErrorKind::unsupported, "the model ", name, " is made for ",
        kind == UNetInput::editing ? "editing: give it a picture (--init-image)" : "inpainting: give it a picture and a mask (--init-image, --mask)");
  // The web UI's clients always send one.
  check(kind == UNetInput::editing || !r.image_guidance || r.compat == Compat::a1111, ErrorKind::unsupported, "the model ", name, " is not made for editing (pix2pix): it knows no image guidance");
  check(kind == UNetInput::latents || r.resize_mode != ResizeMode::latent, ErrorKind::unsupported, "the model ", name,
        " is shown the picture: it cannot be resized as latents (--resize-mode)");
  check(kind != UNetInput::editing || !r.mask, ErrorKind::unsupported, "the model ", name, " edits whole pictures: it takes no mask");
}

// What the request's picture gives to start from.
PassSource encode_source(RunContext& c, const Canvas& canvas) {
  PassSource source;
  const Request& r = c.request();
  if (!r.init_image) return source;
  c.phase("encode");
  const auto start = Clock::now();
  const UNetInput kind = c.base.unet_input();
  const MaskRule rule = r.compat == Compat::a1111 ? MaskRule::rounded : r.compat == Compat::diffusers ? MaskRule::nearest : MaskRule::covering;
  const Image everything = kind == UNetInput::inpainting && !canvas.masked() ? filled(canvas.picture.width, canvas.picture.height, 1, 255) : Image();
  const Image& mask = canvas.masked() ? canvas.mask : everything;
  source.pictures.push_back(encode_picture(c.base, canvas.picture, c.run.vae_tile));
  if (!mask.pixels.empty()) source.mask = latent_mask(mask, rule);
  if (kind == UNetInput::inpainting) source.blanked = encode_picture(c.base, canvas.picture, c.run.vae_tile, mask);
  c.base.backend().release_cached();
  c.run.timings.encode_s = seconds_since(start);
  return source;
}

PassPrompts encode_for_pass(const RunContext& c, const Request& r, std::optional<int> first_pass_steps = std::nullopt) {
  PassPrompts prompts{encode_prompts(c.base, r, first_pass_steps), {}};
  if (c.refiner) prompts.refiner = encode_prompts(*c.refiner, r, first_pass_steps);
  return prompts;
}

std::vector<Latents> draw_latents(RunContext& c, const Canvas& canvas, const Hires& hires) {
  const Request& r = c.request();
  c.phase("text");
  auto start = Clock::now();
  const PassPrompts prompts = encode_for_pass(c, r);
  note_embeddings(c.run, c.base, prompts.base);
  std::optional<PassPrompts> hires_prompts;  // now, for the words in use are the model's: another run may change them later
  if (hires.request) hires_prompts = encode_for_pass(c, *hires.request, r.steps);
  c.image_prompts = make_image_prompts(c.ip_adapters, r, c.base.unet());
  if (!c.image_prompts.empty()) c.base.backend().release_cached();  // the image encoder's sizes are others than the UNet's
  c.run.timings.text_s = seconds_since(start);

  const PassSource source = encode_source(c, canvas);
  c.phase("denoise");
  start = Clock::now();
  std::vector<Latents> latents = draw_pass(c, {r, prompts, source});
  if (hires.request && !c.stopped()) latents = draw_hires(c, {*hires.request, *hires_prompts, hires.upscaler.get()}, latents);
  c.run.timings.denoise_s = seconds_since(start);
  return latents;
}

void decode_results(RunContext& c, const Canvas& canvas, std::vector<Latents> latents) {
  c.phase("decode");
  const auto start = Clock::now();
  c.base.backend().release_cached();  // the decoder's sizes are others than the UNet's
  LoadedModel& model = c.last_model();
  for (size_t i = 0; i < latents.size(); ++i) {
    Result result;
    result.image = paste_back(canvas, decode_latents(c.decoder_of(model), latents[i], c.quantization()));
    result.seed = seed_of(c.request(), static_cast<int>(i)).seed;
    result.latent_height = latents[i].height;
    result.latent_width = latents[i].width;
    result.latents = std::move(latents[i].values);
    c.run.results.push_back(std::move(result));
  }
  note_hashes(c);
  for (size_t i = 0; i < latents.size(); ++i) c.run.results[i].infotext = describe(c.run, static_cast<int>(i));
  c.run.timings.decode_s = seconds_since(start);
}

}  // namespace

// Pictures of a batch whose prompts hold wildcards have a text each: they are drawn one after another.
static Run generate_each(Engine& engine, const Request& asked, const Events& events) {
  validate(asked);
  Run all;
  for (int i = 0; i < asked.batch; ++i) {
    Request one = asked;
    one.batch = 1;
    const ImageSeed seed = seed_of(asked, i);
    one.seed = seed.seed;
    one.variation_seed = seed.variation;
    Run run = engine.generate(with_wildcards(std::move(one)), events);
    run.results.insert(run.results.begin(), std::make_move_iterator(all.results.begin()), std::make_move_iterator(all.results.end()));
    all = std::move(run);
  }
  return all;
}

Run Engine::generate(const Request& given, const Events& events) {
  Request asked = with_styles(with_seed(given));
  if (has_wildcards(asked)) return generate_each(*this, asked, events);
  const DType compute = compute_dtype(backend(), asked);
  const bool half = size_of(compute) == 2;
  if (state_->names_parts) asked = with_found_parts(state_->lookup, std::move(asked), events, half);
  const FoundModel found = imagent::find_model(state_->lookup, asked.model, events, half);  // other runs need not wait for a download
  const fs::path refiner_path = asked.refiner.empty() ? fs::path() : imagent::find_model(state_->lookup, asked.refiner, events, half).path;
  SharedDevice::Turn turn(state_->device, backend(), events.cancel, state_->device.pictures() > 1 ? sharing_key(asked, found.path, refiner_path) : "");
  const auto start = Clock::now();
  const bool tiny_previews = asked.preview_every > 0 && asked.preview == PreviewKind::taesd;
  check(!tiny_previews || !asked.taesd.empty(), ErrorKind::usage, "--preview by taesd needs a tiny autoencoder: name its file or folder (--taesd)");
  check(!asked.tiling || !asked.vae_tiling, ErrorKind::usage, "--tiling and --vae-tiling: a seamless picture is decoded as a whole");
  LoadedModel& base = state_->open_model({found.path, asked.model_config, asked.prediction, compute, asked.vae, asked.tiling});
  if (!base.prediction_known()) {  // the defaults depend on it
    check_memory(predict_memory(base.source(), {.latent_height = 8, .latent_width = 8, .rows = 1, .compute = compute}),
                 {.backend = backend(), .limit = state_->memory_limit, .loaded = base.packed_bytes()}, base.source()->name());
    base.find_prediction();
  }
  const Request request = with_defaults(asked, with_recommended(base.defaults(), found));
  const Canvas canvas = make_canvas(request);
  Hires hires{hires_request(request), nullptr};
  if (hires.request) hires.upscaler = hires_upscaler(request, {.backend = &backend(), .compute = compute, .folder = state_->upscalers_dir});
  LoadedModel* refiner = refiner_path.empty() ? nullptr : &state_->open_model({refiner_path, {}, {}, compute, request.vae, request.tiling});

  RunContext c{events, turn, base, refiner, state_->open_controls(request, compute), state_->ip_adapters.open(request, backend(), compute), {}};
  c.run.request = request;
  c.run.request.dtype = compute;
  c.run.model_name = base.source()->name();
  c.run.device = str(backend().name(), " ", backend().info().instructions);
  if (hires.request) c.run.hires_upscaler = hires.upscaler ? hires.upscaler->name() : find_latent_upscaler(request.hires_upscaler)->display;
  plan_sampling(sampling_options(base, request, request.init_image != nullptr));  // unknown names fail before anything is loaded
  LoadedPreviewer* previewer = tiny_previews ? &state_->open_previewer(asked.taesd, compute) : nullptr;
  c.phase("load");
  const RunModels models{base, refiner};
  const RunAdapters adapters = find_adapters(*state_, models, c.run, events);
  c.run.vae_tile = check_memory_of_run(c, hires.request.value_or(request), encoded_size(request, canvas, hires), {*state_, adapters.scratch, previewer});
  apply_adapters(adapters, models, events);
  base.load();
  check_workflow(base, request);
  const CacheReport caches(models);
  if (request.init_image || hires.upscaler) base.vae_encoder();
  if (request.init_image && !request.strength && base.unet_input() != UNetInput::editing) c.run.request.strength = default_strength(request);
  if (refiner) refiner->load();
  if (previewer) c.tiny.emplace(previewer->decoder());
  for (LoadedControl* control : c.controls) control->network();
  c.run.timings.load_s = seconds_since(start);

  decode_results(c, canvas, draw_latents(c, canvas, hires));
  caches.tell(events);
  c.run.largest_call = turn.largest_call();
  c.run.peak_bytes = backend().peak_bytes() + base.packed_bytes() + c.packed_bytes_of_adapters() + (refiner ? refiner->packed_bytes() : 0);
  c.run.timings.total_s = seconds_since(start);
  return std::move(c.run);
}

}  // namespace imagent
