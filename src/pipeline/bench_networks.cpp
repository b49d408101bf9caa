// Making the networks, and drawing with them.
#include "pipeline/bench_networks.h"

#include <algorithm>

#include "ops/ops.h"
#include "pipeline/denoise.h"
#include "pipeline/loaded_model.h"
#include "pipeline/preview.h"
#include "pipeline/synthetic.h"
#include "sampling/sampling_plan.h"

namespace imagent {

BenchNetworks::BenchNetworks(Backend& backend, const BenchmarkOptions& options) {
  if (std::filesystem::is_directory(options.model))
    load_folder(backend, options);
  else
    make_synthetic(backend, options);
}
BenchNetworks::~BenchNetworks() = default;

void BenchNetworks::make_synthetic(Backend& backend, const BenchmarkOptions& options) {
  const SyntheticModel model = synthetic_model(options.model);
  name = model.name;
  size = model.size;
  for (size_t i = 0; i < model.text_encoders.size(); ++i)
    text.emplace_back(Weights(model.text_encoders[i], backend, options.dtype), model.text_configs[i]);
  unet.emplace(Weights(model.unet, backend, options.dtype), model.unet_config);
  vae_config = model.vae_config;
  decoder = std::make_unique<VaeDecoder>(Weights(model.vae, backend, options.dtype), model.vae_config);
}

void BenchNetworks::load_folder(Backend& backend, const BenchmarkOptions& options) {
  loaded.push_back(std::make_unique<LoadedModel>(open_model_source(options.model), backend, options.dtype));
  LoadedModel& model = *loaded[0];
  name = model.source()->name();
  size = 8 * model.unet_config().sample_size;
  text = model.text_encoders();
  unet = model.unet();
  vae_config = model.vae_config();
  decoder = model.vae_decoder().clone();
}

namespace {

// One text through all encoders, their hidden states side by side.
std::shared_ptr<const Conditioning> encode(const BenchNetworks& networks, int32_t token) {
  const std::vector<int32_t> ids(77, token);
  auto made = std::make_shared<Conditioning>();
  made->tokens = static_cast<int64_t>(ids.size());
  made->width = networks.unet->context_width();
  made->states.resize(static_cast<size_t>(made->tokens * made->width));
  int64_t column = 0;
  for (const ClipTextModel& encoder : networks.text) {
    const ClipTextOutput out = encoder(ids);
    const std::vector<float> states = download(out.last_hidden_state);
    for (int64_t t = 0; t < made->tokens; ++t)
      std::copy_n(&states[t * encoder.width()], encoder.width(), &made->states[t * made->width + column]);
    column += encoder.width();
    if (out.text_embeds) made->pooled = download(out.text_embeds);
  }
  return made;
}

Guidance guidance_of(const BenchNetworks& networks, const PicturesRun& run) {
  const auto side = static_cast<float>(run.size);
  const std::vector<float> time_ids{side, side, 0, 0, side, side};
  Guidance guidance;
  guidance.embedded = networks.unet->guidance_width > 0;
  guidance.scale = run.guidance ? 7.5f : 1.0f;
  guidance.positive = {{encode(networks, 7), 1, time_ids}};
  if (guidance.needs_negative()) guidance.negative = {encode(networks, 8), 1, time_ids};
  return guidance;
}

// Lets a sampler run on until it wants the model or has finished.
void pass_steps(Sampling& sampling) {
  while (!sampling.finished() && !sampling.wants_model()) sampling.resume();
}

}  // namespace

std::vector<Image> draw_pictures(const BenchNetworks& networks, const PicturesRun& run) {
  const Guidance guidance = guidance_of(networks, run);
  const int side = run.size / 8, channels = static_cast<int>(networks.vae_config.latent_channels);
  const SamplingPlan plan = plan_sampling({.sampler = "euler", .steps = run.steps});
  std::vector<std::unique_ptr<Generator>> generators;
  std::vector<Sampling> samplings;
  for (int i = 0; i < run.pictures; ++i) {
    generators.push_back(make_generator(GeneratorKind::cpu, static_cast<uint64_t>(i)));
    samplings.push_back(plan.run(plan.start(draw_noise(*generators.back(), channels, side, side)), *generators.back()));
  }
  while (!samplings[0].finished()) {
    std::vector<DenoiseJob> jobs;
    for (Sampling& sampling : samplings)
      jobs.push_back({.input = sampling.call().input.values, .timestep = static_cast<float>(sampling.call().timestep), .guidance = &guidance});
    std::vector<Denoised> outputs = denoise(*networks.unet, run.dtype, side, side, jobs);
    for (size_t i = 0; i < samplings.size(); ++i) {
      Latents answer(channels, side, side);
      answer.values = std::move(outputs[i].guided);
      samplings[i].answer(std::move(answer));
      pass_steps(samplings[i]);
    }
  }
  Backend& backend = networks.unet->backend();
  backend.next_part();  // as a run does
  std::vector<Image> images;
  for (Sampling& sampling : samplings) images.push_back(decode_latents({*networks.decoder, networks.vae_config, backend, run.dtype}, sampling.take_result()));
  return images;
}

}  // namespace imagent
