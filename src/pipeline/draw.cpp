// Driving samplers: whoever waits for the model is answered by one shared UNet call.
#include "pipeline/draw.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "pipeline/defaults.h"
#include "pipeline/denoise.h"

namespace imagent {
namespace {

Guidance guidance_for(const DrawStage& stage, const ModelCall& call) {
  const Request& r = *stage.request;
  const int step = call.step;
  Guidance g;
  g.embedded = stage.model->unet().guidance_width > 0;
  const double part = static_cast<double>(step) / std::max(call.steps, 1);
  const bool guided = g.embedded || (part >= r.guidance_start && part < r.guidance_end);
  g.scale = guided ? static_cast<float>(*r.guidance_scale * call.guidance_factor) : 1.0f;
  if (stage.model->unet_input() == UNetInput::editing) g.image_scale = r.image_guidance.value_or(default_image_guidance);
  g.wants_negative = call.wants_unconditional;
  check(!g.wants_negative || stage.prompts->negative, ErrorKind::usage, "the sampler ddim_cfgpp works with guidance only: the guidance scale has to be above 1");
  g.rescale = r.guidance_rescale;
  g.freeu = r.freeu;
  g.positive = stage.prompts->positive.at(step, stage.time_ids);
  if (stage.prompts->negative) g.negative = stage.prompts->negative->at(step, stage.negative_time_ids)[0];
  return g;
}

// A sampler with what belongs to its picture.
struct Drawing {
  Sampling* sampling;
  const PictureInputs* inputs;
  Latents* shown;  // its idea of the clean image after the last step, kept where the run may be stopped
};

// Lets a sampler run on through its finished steps until it waits for the model or ends.
void pass_steps(const Drawing& drawing, const std::function<void(const StepDone&)>& on_step) {
  Sampling& sampling = *drawing.sampling;
  while (!sampling.finished() && !sampling.wants_model()) {
    if (drawing.inputs->background) drawing.inputs->background->after_step(sampling.step());
    if (drawing.shown && !sampling.step().intermediate) *drawing.shown = *sampling.step().denoised;
    if (on_step && !sampling.step().intermediate) on_step(sampling.step());
    sampling.resume();
  }
}

void answer_waiting(const DrawStage& stage, std::span<const Drawing> waiting) {
  const UNet2DConditionModel& unet = stage.model->unet();
  std::vector<Guidance> guidances;
  std::vector<DenoiseJob> jobs;
  guidances.reserve(waiting.size());
  for (const auto& [sampling, inputs, shown] : waiting) {
    const ModelCall& call = sampling->call();
    guidances.push_back(guidance_for(stage, call));
    jobs.push_back({.input = call.input.values,
                    .timestep = static_cast<float>(call.timestep),
                    .guidance = &guidances.back(),
                    .extra = inputs->extra.values,
                    .controls = active_in(stage.controls, call.step, call.steps),
                    .image_prompts = active_in(stage.image_prompts, call.step, call.steps)});
  }
  const Latents& shape = waiting[0].sampling->call().input;
  std::vector<Denoised> outputs = stage.turn->denoise({.unet = &unet, .compute = stage.model->compute(), .height = shape.height, .width = shape.width,
                                                       .tokens = guidances[0].positive[0].conditioning->tokens, .freeu = guidances[0].freeu}, jobs);
  const int channels = shape.channels, height = shape.height, width = shape.width;
  const auto as_latents = [&](std::vector<float> values) {
    Latents latents(channels, height, width);
    latents.values = std::move(values);
    return latents;
  };
  for (size_t i = 0; i < waiting.size(); ++i) {
    const auto& [sampling, inputs, shown] = waiting[i];
    if (inputs->background) inputs->background->after_model(sampling->call(), outputs[i].guided);
    std::optional<Latents> unconditional;
    if (sampling->call().wants_unconditional) unconditional = as_latents(std::move(outputs[i].negative));
    sampling->answer(as_latents(std::move(outputs[i].guided)), std::move(unconditional));
  }
}

}  // namespace

std::vector<Latents> draw(const DrawStage& stage, std::vector<Sampling> samplings, const DrawObserver& observer) {
  using Clock = std::chrono::steady_clock;
  auto step_start = Clock::now();
  const auto on_step = [&](const StepDone& done) {
    if (observer.step_seconds) observer.step_seconds->push_back(std::chrono::duration<double>(Clock::now() - step_start).count());
    if (observer.step) observer.step(done.step, done.steps, *done.denoised);
    step_start = Clock::now();
  };
  std::vector<Latents> shown(observer.stop ? samplings.size() : 0);
  while (true) {
    std::vector<Drawing> waiting;
    for (size_t i = 0; i < samplings.size(); ++i) {
      const Drawing drawing{&samplings[i], &stage.inputs[i], observer.stop ? &shown[i] : nullptr};
      pass_steps(drawing, i == 0 ? std::function<void(const StepDone&)>(on_step) : nullptr);
      if (samplings[i].wants_model()) waiting.push_back(drawing);
    }
    if (waiting.empty()) break;
    if (observer.stop && *observer.stop && std::none_of(shown.begin(), shown.end(), [](const Latents& latents) { return latents.values.empty(); })) break;
    answer_waiting(stage, waiting);
  }
  std::vector<Latents> results;
  for (size_t i = 0; i < samplings.size(); ++i) {
    results.push_back(samplings[i].finished() ? samplings[i].take_result() : std::move(shown[i]));
    const std::vector<float>& values = results.back().values;
    check(std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }), ErrorKind::model,
          "the model's latents are not finite numbers: its weights or its scheduler_config.json are damaged, or f32 is needed (--dtype f32)");
  }
  return results;
}

}  // namespace imagent
