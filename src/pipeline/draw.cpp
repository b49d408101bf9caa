// Driving samplers: whoever waits for the model is answered by one shared UNet call.
#include "pipeline/draw.h"

#include <chrono>

#include "pipeline/denoise.h"

namespace imagent {
namespace {

Guidance guidance_at(const DrawStage& stage, int step) {
  const Request& r = *stage.request;
  Guidance g;
  g.scale = *r.guidance_scale;
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
    check(!call.wants_unconditional, ErrorKind::unsupported, "this sampler needs guidance of the CFG++ kind, which this version does not have");
    guidances.push_back(guidance_at(stage, call.step));
    jobs.push_back({call.input.values, static_cast<float>(call.timestep), &guidances.back()});
  }
  const Latents& shape = waiting[0]->call().input;
  std::vector<std::vector<float>> outputs = denoise(unet, stage.model->compute(), shape.height, shape.width, jobs);
  for (size_t i = 0; i < waiting.size(); ++i) {
    Latents output(shape.channels, shape.height, shape.width);
    output.values = std::move(outputs[i]);
    waiting[i]->answer(std::move(output));
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
  for (Sampling& sampling : samplings) results.push_back(sampling.take_result());
  return results;
}

}  // namespace imagent
