// One request from text to pictures: load, encode the prompts, draw, decode.
#include <algorithm>

#include "base/memory.h"
#include "pipeline/cache_report.h"
#include "pipeline/canvas.h"
#include "pipeline/defaults.h"
#include "pipeline/describe.h"
#include "pipeline/draw_pass.h"
#include "pipeline/engine_state.h"
#include "pipeline/hires.h"
#include "pipeline/memory.h"
#include "pipeline/open_run.h"
#include "pipeline/prompt_text.h"
#include "pipeline/request_fields.h"
#include "pipeline/run_adapters.h"
#include "pipeline/run_hashes.h"
#include "pipeline/run_vae.h"
#include "pipeline/tiled_vae.h"

namespace imagent {
namespace {

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
  const LoadedVae* previewer;        // of a run with previews by one
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
  used.insert(used.end(), {&base, base.other_vae().get(), refiner, refiner ? refiner->other_vae().get() : nullptr, bounds.previewer});
  MemoryBudget budget{.backend = base.backend(), .limit = bounds.state.memory_limit, .loaded = base.packed_bytes() + c.packed_bytes_of_adapters(), .unused = bounds.state.unused_bytes(used)};
  if (refiner && refiner != &base) budget.loaded += refiner->packed_bytes();
  if (bounds.previewer) budget.loaded += bounds.previewer->packed_bytes();
  int tile = r.vae_tiling ? vae_tile_sides[0] : 0;
  MemoryNeed need = need_with(tile, r.batch);
  make_room(bounds.state, need, budget, used);
  for (const int side : smaller_vae_tiles(tile, std::max(r.height, r.width) / 8)) {
    if (budget.wanted(need) <= budget.available() || r.tiling) break;
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
  source.pictures.push_back(encode_picture(c, canvas.picture));
  if (!mask.pixels.empty()) source.mask = latent_mask(mask, rule);
  if (kind == UNetInput::inpainting) source.blanked = encode_picture(c, canvas.picture, mask);
  c.base.backend().next_part();
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
  if (!c.image_prompts.empty()) c.base.backend().next_part();  // the image encoder's sizes are others than the UNet's
  c.run.timings.text_s = seconds_since(start);

  const PassSource source = encode_source(c, canvas);
  c.phase("denoise");
  start = Clock::now();
  std::vector<Latents> latents = draw_pass(c, {r, prompts, source});
  if (hires.request && !c.stopped()) latents = draw_hires(c, {*hires.request, *hires_prompts, hires.upscaler.get()}, latents);
  c.run.timings.denoise_s = seconds_since(start);
  if (c.turn.pictures_at_a_time() < r.batch && c.events.note) c.events.note(str("memory ran out: pictures are denoised ", c.turn.pictures_at_a_time(), " at a time"));
  return latents;
}

void decode_results(RunContext& c, const Canvas& canvas, std::vector<Latents> latents) {
  c.phase("decode");
  const auto start = Clock::now();
  std::vector<Image> pictures = decode_pictures(c, latents);
  for (size_t i = 0; i < latents.size(); ++i) {
    Result result;
    result.image = paste_back(canvas, std::move(pictures[i]));
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

// Pictures of a batch that have a text each, because their prompts hold wildcards, or a picture to start from each: they are
// drawn one after another.
static Run generate_each(Engine& engine, const Request& asked, const Events& events) {
  validate(asked);
  const size_t pictures = asked.init_images.size();
  check(pictures == 0 || pictures == static_cast<size_t>(asked.batch), ErrorKind::usage, "there are ", pictures, " pictures to start from for a batch of ", asked.batch);
  Run all;
  for (int i = 0; i < asked.batch; ++i) {
    Request one = asked;
    one.batch = 1;
    const ImageSeed seed = seed_of(asked, i);
    one.seed = seed.seed;
    one.variation_seed = seed.variation;
    if (pictures) one.init_image = asked.init_images[static_cast<size_t>(i)];
    one.init_images.clear();
    Run run = engine.generate(with_wildcards(std::move(one)), events);
    run.results.insert(run.results.begin(), std::make_move_iterator(all.results.begin()), std::make_move_iterator(all.results.end()));
    all = std::move(run);
  }
  return all;
}

struct RunTurn {
  const Events& events;
  SharedDevice::Turn& turn;
};
// What a run has of its own beside its models, opened.
static RunContext context_of(Engine::State& state, const Request& request, const RunTurn& turn, const OpenModels& models) {
  const DType compute = models.base->compute();
  RunContext c{turn.events, turn.turn, *models.base, models.refiner.get(), {}, {}, {}};
  c.hold(models.base);
  c.hold(models.refiner);
  c.hold(models.base->other_vae());
  c.hold(models.previewer);
  for (const auto& control : state.open_controls(request, compute)) c.controls.push_back(c.hold(control));
  for (const auto& adapter : state.ip_adapters.open(request, *state.backend, compute)) c.ip_adapters.push_back(c.hold(adapter));
  c.run.request = request;
  c.run.request.dtype = compute;
  c.run.model_name = c.base.source()->name();
  c.run.device = str(state.backend->name(), " ", state.backend->info().instructions);
  return c;
}

// Its parts' weights; the picture's encoder only where one is needed.
static void load_parts(RunContext& c, bool encodes, LoadedVae* previewer) {
  c.base.load();
  check_workflow(c.base, c.request());
  if (encodes) c.base.vae_encoder();
  if (c.refiner) c.refiner->load();
  if (previewer) c.previewer.emplace(previewer->picture_decoder(vae_tile_sides[0]));
  for (LoadedControl* control : c.controls) control->network();
}

static void find_prediction(LoadedModel& model, size_t memory_limit) {  // the defaults depend on it
  if (model.prediction_known()) return;
  check_memory(predict_memory(model.source_in_use(), {.latent_height = 8, .latent_width = 8, .rows = 1, .compute = model.compute()}, &model.backend()),
               {.backend = model.backend(), .limit = memory_limit, .loaded = model.packed_bytes()}, model.source()->name());
  model.find_prediction();
}

Run Engine::generate(const Request& given, const Events& events) {
  const Request asked = with_styles(with_seed(given));
  if (has_wildcards(asked) || !asked.init_images.empty()) return generate_each(*this, asked, events);
  const DType compute = compute_dtype(backend(), asked);
  const FoundRun found = find_run(*state_, asked, events, compute);  // other runs need not wait for a download
  SharedDevice::Turn turn(state_->device, backend(), events.cancel, found.key);
  const auto start = Clock::now();
  const bool tiny_previews = asked.preview_every > 0 && asked.preview == PreviewKind::taesd;
  check(!tiny_previews || !asked.taesd.empty(), ErrorKind::usage, "--preview by taesd needs a tiny autoencoder: name its file or folder (--taesd)");
  check(!asked.tiling || !asked.vae_tiling, ErrorKind::usage, "--tiling and --vae-tiling: a seamless picture is decoded as a whole");
  const OpenModels opened = open_models(*state_, found, compute);
  LoadedModel& base = *opened.base;
  find_prediction(base, state_->memory_limit);
  const Request request = with_defaults(found.request, with_recommended(base.defaults(), found.model));
  const Canvas canvas = make_canvas(request);
  Hires hires{hires_request(request), nullptr};
  if (hires.request) hires.upscaler = hires_upscaler(request, {.backend = &backend(), .compute = compute, .folder = state_->upscalers_dir, .note = events.note});

  RunContext c = context_of(*state_, request, {events, turn}, opened);
  c.files_stamp = stamp_of_hashed(c);
  c.passes = hires.request ? 2 : 1;
  if (hires.request) c.run.hires_upscaler = hires.upscaler ? hires.upscaler->name() : find_latent_upscaler(request.hires_upscaler)->display;
  plan_sampling(sampling_options(base, request, request.init_image != nullptr));  // unknown names fail before anything is loaded
  c.phase("load");
  const RunModels models{base, c.refiner};
  const RunAdapters adapters = find_adapters(*state_, models, c.run, events);
  c.run.vae_tile = check_memory_of_run(c, hires.request.value_or(request), encoded_size(request, canvas, hires), {*state_, adapters.scratch, opened.previewer.get()});
  check_unchanged(*state_, found);
  apply_adapters(adapters, models, events);
  load_parts(c, request.init_image || hires.upscaler, opened.previewer.get());
  const CacheReport caches(models);
  if (request.init_image && !request.strength && base.unet_input() != UNetInput::editing) c.run.request.strength = default_strength(request);
  c.run.timings.load_s = seconds_since(start);

  decode_results(c, canvas, draw_latents(c, canvas, hires));
  caches.tell(events);
  c.run.largest_call = turn.largest_call();
  c.run.peak_bytes = backend().peak_bytes() + base.packed_bytes() + c.packed_bytes_of_adapters() + (c.refiner ? c.refiner->packed_bytes() : 0);
  c.run.timings.total_s = seconds_since(start);
  return std::move(c.run);
}

}  // namespace imagent
