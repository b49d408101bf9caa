// One request from text to pictures: load, encode the prompts, draw, decode.
#include <algorithm>
#include <chrono>

#include "base/memory.h"
#include "pipeline/defaults.h"
#include "pipeline/describe.h"
#include "pipeline/draw.h"
#include "pipeline/engine_state.h"
#include "pipeline/memory.h"
#include "pipeline/preview.h"
#include "pipeline/size_conditions.h"
#include "sampling/sampling_plan.h"

namespace imagent {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// While it lives, ops on the backend stop when the caller's flag is raised.
struct CancelScope {
  Backend& backend;
  CancelScope(Backend& backend, const std::atomic<bool>* flag) : backend(backend) { backend.cancel = flag; }
  ~CancelScope() { backend.cancel = nullptr; }
};

// Everything about one run that its phases share.
struct RunContext {
  const Events& events;
  LoadedModel& base;
  LoadedModel* refiner;
  Run run;

  const Request& request() const { return run.request; }
  void phase(const char* name) const {
    check(!events.cancel || !*events.cancel, ErrorKind::cancelled, "cancelled");
    if (events.phase) events.phase(name);
  }
};

DType compute_dtype(const Backend& backend, const Request& request) {
  const DType compute = request.dtype.value_or(backend.supports(DType::bf16) ? DType::bf16 : DType::f32);
  check(backend.supports(compute), ErrorKind::unsupported, "the device ", backend.name(), " cannot compute in ", name_of(compute),
        " on this machine: f32 is always possible");
  return compute;
}

// Refuses before anything is loaded when the memory would not do for the model and, after it, its refiner.
void check_memory_of_run(LoadedModel& base, LoadedModel* refiner, const Request& r, size_t limit) {
  const auto need_of = [&](LoadedModel& model) {
    const PromptShape prompt = prompt_shape(model, r);
    return predict_memory(model.source(), {r.height / 8, r.width / 8, prompt.rows * r.batch, prompt.tokens, model.compute()});
  };
  MemoryNeed need = need_of(base);
  size_t loaded = base.packed_bytes();
  if (refiner) {
    const MemoryNeed more = need_of(*refiner);
    need = {need.weights + more.weights, std::max(need.activations, more.activations)};
    loaded += refiner->packed_bytes();
  }
  if (need.total() > available_memory()) base.backend().release_cached();  // what earlier runs left in the pool is free too
  check_memory(need, loaded, limit ? limit : available_memory(),
               str(base.source()->name(), refiner ? str(" with ", refiner->source()->name()) : "", " at ", r.width, "x", r.height,
                   r.batch > 1 ? str(", batch ", r.batch) : ""));
}

void load(LoadedModel& model) {
  model.load();
  const int64_t channels = model.unet().in_channels(), latent_channels = model.vae_config().latent_channels;
  check(channels == latent_channels, ErrorKind::unsupported, "the model ", model.source()->name(), " takes ", channels,
        " channels, text to image has ", latent_channels, " to give: it is made for inpainting or editing");
}

DrawStage stage_of(LoadedModel& model, const EncodedPrompts& prompts, const Request& request) {
  DrawStage stage{&model, &prompts, {}, {}, &request};
  if (!model.unet().add_embedding) return stage;
  SizeConditions sizes = size_conditions(request, model.wants_aesthetic_score());
  stage.time_ids = std::move(sizes.positive);
  stage.negative_time_ids = std::move(sizes.negative);
  return stage;
}

std::unique_ptr<LatentPreview> make_preview(const Request& r, LoadedModel& model) {
  if (r.preview_every <= 0 || r.preview != PreviewKind::latent) return nullptr;
  return std::make_unique<LatentPreview>(model.vae_decoder(), model.vae_config(), model.compute());
}

// Tells the caller about each step of the first picture, with a preview when one is due.
DrawObserver observer_of(RunContext& c, const LatentPreview* preview) {
  const auto on_step = [&c, preview](int step, int steps, const Latents& denoised) {
    if (!c.events.progress) return;
    const Request& r = c.request();
    const std::vector<double>& seconds = c.run.timings.step_s;
    Progress progress{step, steps, seconds.empty() ? 0 : seconds.back(), nullptr};
    Image image;
    if (r.preview_every > 0 && r.preview != PreviewKind::none && step % r.preview_every == 0) {
      image = preview ? (*preview)(denoised) : decode_latents(c.base.vae_decoder(), c.base.vae_config(), c.base.compute(), denoised);
      progress.preview = &image;
    }
    c.events.progress(progress);
  };
  return {on_step, &c.run.timings.step_s};
}

SamplingOptions sampling_options(const LoadedModel& model, const Request& r) {
  SamplingOptions options;
  options.file = model.scheduler();
  const auto name = options.file.find("_class_name");
  if (name != options.file.end() && std::holds_alternative<std::string>(name->second)) options.file_class = std::get<std::string>(name->second);
  options.sampler = r.sampler;
  options.schedule = r.scheduler;
  options.rules = r.compat == Compat::a1111 ? SamplingRules::a1111 : SamplingRules::diffusers;
  options.steps = r.steps;
  if (r.eta) options.eta = *r.eta;
  options.rng = r.rng;
  options.sdxl = model.penultimate_states();
  return options;
}

// The samplers of one stage, one an image. `handed` are the latents of the base model when this stage is the refiner's.
struct Start {
  SamplingOptions options;
  std::vector<std::unique_ptr<Generator>>* generators;
  std::vector<Latents>* handed = nullptr;
};
std::vector<Sampling> start_samplings(RunContext& c, const LoadedModel& model, Start start) {
  const Request& r = c.request();
  std::vector<Sampling> samplings;
  for (int i = 0; i < r.batch; ++i) {
    Generator& generator = *(*start.generators)[static_cast<size_t>(i)];
    start.options.seed = static_cast<uint64_t>(r.seed + i);
    const SamplingPlan plan = plan_sampling(start.options);
    c.run.sampler = plan.sampler;
    c.run.scheduler = plan.schedule;
    Latents latents = start.handed ? std::move((*start.handed)[static_cast<size_t>(i)])
                                   : plan.start(draw_noise(generator, model.vae_config().latent_channels, r.height / 8, r.width / 8));
    samplings.push_back(plan.run(std::move(latents), generator));
  }
  return samplings;
}

std::vector<Latents> draw_latents(RunContext& c) {
  const Request& r = c.request();
  c.phase("text");
  auto start = Clock::now();
  const EncodedPrompts prompts = encode_prompts(c.base, r);
  std::optional<EncodedPrompts> refiner_prompts;
  if (c.refiner) refiner_prompts = encode_prompts(*c.refiner, r);
  c.run.timings.text_s = seconds_since(start);

  c.phase("denoise");
  start = Clock::now();
  const auto preview = make_preview(r, c.base);
  std::vector<std::unique_ptr<Generator>> generators;
  for (int i = 0; i < r.batch; ++i) generators.push_back(make_generator(r.rng, static_cast<uint64_t>(r.seed + i)));
  Start stage{sampling_options(c.base, r), &generators, nullptr};
  if (c.refiner) stage.options.denoising_end = r.refiner_switch;
  std::vector<Latents> latents = draw(stage_of(c.base, prompts, r), start_samplings(c, c.base, stage), observer_of(c, preview.get()));
  if (c.refiner) {
    Start refine{sampling_options(*c.refiner, r), &generators, &latents};
    refine.options.denoising_start = r.refiner_switch;
    latents = draw(stage_of(*c.refiner, *refiner_prompts, r), start_samplings(c, *c.refiner, refine), observer_of(c, preview.get()));
  }
  c.run.timings.denoise_s = seconds_since(start);
  return latents;
}

void decode_results(RunContext& c, std::vector<Latents> latents) {
  c.phase("decode");
  const auto start = Clock::now();
  c.base.backend().release_cached();  // the decoder's sizes are others than the UNet's
  LoadedModel& model = c.refiner ? *c.refiner : c.base;
  const Quantization quantization = c.request().compat == Compat::a1111 ? Quantization::truncate : Quantization::round;
  for (size_t i = 0; i < latents.size(); ++i) {
    Result result;
    result.image = decode_latents(model.vae_decoder(), model.vae_config(), model.compute(), latents[i], quantization);
    result.seed = c.request().seed + static_cast<int64_t>(i);
    result.latents = std::move(latents[i].values);
    c.run.results.push_back(std::move(result));
  }
  for (size_t i = 0; i < latents.size(); ++i) c.run.results[i].infotext = describe(c.run, static_cast<int>(i));
  c.run.timings.decode_s = seconds_since(start);
}

}  // namespace

Run Engine::generate(const Request& asked, const Events& events) {
  const std::lock_guard one_at_a_time(state_->running);
  const CancelScope cancel(backend(), events.cancel);
  const auto start = Clock::now();
  check(asked.preview != PreviewKind::taesd, ErrorKind::unsupported, "previews by TAESD are not in this version: latent, vae and none are");
  const DType compute = compute_dtype(backend(), asked);
  LoadedModel& base = state_->open_model({find_model(asked.model), asked.model_config, asked.prediction, compute});
  if (!base.prediction_known()) {  // the defaults depend on it
    check_memory(predict_memory(base.source(), {.latent_height = 8, .latent_width = 8, .rows = 1, .compute = compute}), base.packed_bytes(),
                 state_->memory_limit ? state_->memory_limit : available_memory(), base.source()->name());
    base.find_prediction();
  }
  const Request request = with_defaults(asked, base.defaults());
  LoadedModel* refiner = request.refiner.empty() ? nullptr : &state_->open_model({find_model(request.refiner), {}, {}, compute});

  RunContext c{events, base, refiner, {}};
  c.run.request = request;
  c.run.model_name = base.source()->name();
  plan_sampling(sampling_options(base, request));  // unknown names fail before anything is loaded
  c.phase("load");
  check_memory_of_run(base, refiner, request, state_->memory_limit);
  load(base);
  if (refiner) load(*refiner);
  c.run.timings.load_s = seconds_since(start);

  decode_results(c, draw_latents(c));
  c.run.peak_bytes = backend().peak_bytes() + base.packed_bytes() + (refiner ? refiner->packed_bytes() : 0);
  c.run.timings.total_s = seconds_since(start);
  return std::move(c.run);
}

}  // namespace imagent
