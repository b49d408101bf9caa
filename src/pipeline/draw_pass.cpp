// A pass: seeds, starting latents, samplers.
#include "pipeline/draw_pass.h"

#include "pipeline/draw.h"
#include "pipeline/picture_start.h"
#include "pipeline/run_vae.h"
#include "pipeline/size_conditions.h"

namespace imagent {
namespace {

DrawStage stage_of(RunContext& c, LoadedModel& model, const EncodedPrompts& prompts, const Request& request) {
  DrawStage stage{&c.turn, &model, &prompts, {}, {}, &request, {}, {}};
  if (!model.unet().add_embedding) return stage;
  SizeConditions sizes = size_conditions(request, model.wants_aesthetic_score());
  stage.time_ids = std::move(sizes.positive);
  stage.negative_time_ids = std::move(sizes.negative);
  return stage;
}

// Tells the caller about each step of the first picture, with a preview when one is due.
DrawObserver observer_of(RunContext& c) {
  const auto on_step = [&c](int step, int steps, const Latents& denoised) {
    if (!c.events.progress) return;
    const Request& r = c.request();
    const std::vector<double>& seconds = c.run.timings.step_s;
    Progress progress{step, steps, seconds.empty() ? 0 : seconds.back(), nullptr, c.pass, c.passes};
    std::optional<Image> image;
    if (r.preview_every > 0 && r.preview != PreviewKind::none && (step % r.preview_every == 0 || step == steps)) {
      image = preview_picture(c, denoised);
      if (image) progress.preview = &*image;
    }
    c.events.progress(progress);
  };
  return {on_step, &c.run.timings.step_s, c.events.stop};
}

// The samplers of one part of a pass (all of it, or up to or after the hand-off to a refiner), one an image.
struct Samplers {
  std::vector<Sampling> samplings;
  std::vector<PictureInputs> inputs;
};

Samplers start_from_source(const Pass& pass, SamplingOptions options, std::vector<std::unique_ptr<PictureStart>>& starts) {
  Samplers out;
  for (auto& start : starts) {
    options.seed = static_cast<uint64_t>(start->seed());
    const SamplingPlan plan = plan_sampling(options);
    out.inputs.emplace_back();
    Latents latents = start->latents(pass.source, plan, out.inputs.back());
    out.samplings.push_back(plan.run(std::move(latents), start->generator()));
  }
  return out;
}

Samplers go_on(std::vector<Latents> latents, std::vector<PictureInputs> inputs, SamplingOptions options, std::vector<std::unique_ptr<PictureStart>>& starts) {
  Samplers out;
  for (size_t i = 0; i < starts.size(); ++i) {
    options.seed = static_cast<uint64_t>(starts[i]->seed());
    const SamplingPlan plan = plan_sampling(options);
    out.samplings.push_back(plan.run(std::move(latents[i]), starts[i]->generator()));
    if (inputs[i].background) inputs[i].background->plan = plan;
  }
  out.inputs = std::move(inputs);
  return out;
}

}  // namespace

SamplingOptions sampling_options(const LoadedModel& model, const Request& r, bool from_picture) {
  SamplingOptions options;
  options.file = model.scheduler();
  const auto name = options.file.find("_class_name");
  if (name != options.file.end() && std::holds_alternative<std::string>(name->second)) options.file_class = std::get<std::string>(name->second);
  options.sampler = r.sampler;
  options.schedule = r.scheduler;
  options.rules = r.compat == Compat::a1111 ? SamplingRules::a1111 : SamplingRules::diffusers;
  options.steps = r.steps;
  if (r.eta) options.eta = *r.eta;
  if (from_picture) options.strength = r.strength;
  options.rng = r.rng;
  options.sdxl = model.penultimate_states();
  return options;
}

std::vector<Latents> draw_pass(RunContext& c, const Pass& pass) {
  const Request& r = pass.request;
  std::vector<std::unique_ptr<PictureStart>> starts;
  SamplingOptions options = sampling_options(c.base, r, !pass.source.empty());
  options.distilled = c.base.unet().guidance_width > 0;
  if (pass.does_all_steps) options.done_steps = r.steps;
  if (c.refiner) options.denoising_end = r.refiner_switch;
  const SamplingPlan plan = plan_sampling(options);
  if (c.run.sampler.empty()) {
    c.run.sampler = plan.sampler;
    c.run.scheduler = plan.schedule;
  }
  for (int i = 0; i < r.batch; ++i) starts.push_back(std::make_unique<PictureStart>(r, c.base, plan.uses_ensd, i));
  Samplers base = start_from_source(pass, options, starts);
  DrawStage stage = stage_of(c, c.base, pass.prompts.base, r);
  stage.inputs = base.inputs;
  stage.controls = make_controls(c.controls, r, {r.width, r.height}, c.base.unet());
  stage.image_prompts = with_regions(c.image_prompts, r, {r.width, r.height}, c.base.unet());
  std::vector<Latents> latents = draw(stage, std::move(base.samplings), observer_of(c));
  if (!c.refiner || c.stopped()) return latents;

  options = sampling_options(*c.refiner, r, !pass.source.empty());
  if (pass.does_all_steps) options.done_steps = r.steps;
  options.denoising_start = r.refiner_switch;
  Samplers refining = go_on(std::move(latents), std::move(base.inputs), options, starts);
  stage = stage_of(c, *c.refiner, *pass.prompts.refiner, r);
  stage.inputs = refining.inputs;
  return draw(stage, std::move(refining.samplings), observer_of(c));
}

}  // namespace imagent
