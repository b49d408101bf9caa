// Driving samplers: whoever waits for the model is answered by one shared UNet call.
#include "pipeline/draw.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "pipeline/denoise.h"

namespace imagent {
namespace {

Guidance guidance_for(const DrawStage& stage, const ModelCall& call) {
  const Request& r = *stage.request;
  const int step = call.step;
  Guidance g;
  g.scale = static_cast<float>(*r.guidance_scale * call.guidance_factor);
  g.wants_negative = call.wants_unconditional;
  check(!g.wants_negative || stage.prompts->negative, ErrorKind::usage, "the sampler ddim_cfgpp works with guidance only: the guidance scale has to be above 1");
  g.rescale = r.guidance_rescale;
  g.embedded = stage.model->unet().guidance_width > 0;
  g.positive = stage.prompts->positive.at(step, stage.time_ids);
  if (stage.prompts->negative) g.negative = stage.prompts->negative->at(step, stage.negative_time_ids)[0];
  return g;
}

// Lets a sampler run on through its finished steps until it waits for the model or ends.
void pass_steps(Sampling& sampling, const std::function<void(const StepDone&)>& on_step) {
  while (!sampling.finished() && !sampling.wants_model()) {
    if (on_step && !sampling.step().intermediate) on_step(sampling.step());
    sampling.resume();
  }
}

void answer_waiting(const DrawStage& stage, std::vector<Sampling*> waiting) {
  const UNet2DConditionModel& unet = stage.model->unet();
  std::vector<Guidance> guidances;
  std::vector<DenoiseJob> jobs;
  guidances.reserve(waiting.size());
  for (Sampling* sampling : waiting) {
    const ModelCall& call = sampling->call();
    guidances.push_back(guidance_for(stage, call));
    jobs.push_back({call.input.values, static_cast<float>(call.timestep), &guidances.back()});
  }
  const Latents& shape = waiting[0]->call().input;
  std::vector<Denoised> outputs = denoise(unet, stage.model->compute(), shape.height, shape.width, jobs);
  const int channels = shape.channels, height = shape.height, width = shape.width;
  const auto as_latents = [&](std::vector<float> values) {
    Latents latents(channels, height, width);
    latents.values = std::move(values);
    return latents;
  };
  for (size_t i = 0; i < waiting.size(); ++i) {
    std::optional<Latents> unconditional;
    if (waiting[i]->call().wants_unconditional) unconditional = as_latents(std::move(outputs[i].negative));
    waiting[i]->answer(as_latents(std::move(outputs[i].guided)), std::move(unconditional));
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
  while (true) {
    std::vector<Sampling*> waiting;
    for (size_t i = 0; i < samplings.size(); ++i) {
      pass_steps(samplings[i], i == 0 ? std::function<void(const StepDone&)>(on_step) : nullptr);
      if (samplings[i].wants_model()) waiting.push_back(&samplings[i]);
    }
    if (waiting.empty()) break;
    answer_waiting(stage, waiting);
  }
  std::vector<Latents> results;
  for (Sampling& sampling : samplings) {
    results.push_back(sampling.take_result());
    const std::vector<float>& values = results.back().values;
    check(std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }), ErrorKind::model,
          "the model's latents are not finite numbers: its weights or its scheduler_config.json are damaged, or f32 is needed (--dtype f32)");
  }
  return results;
}

}  // namespace imagent
