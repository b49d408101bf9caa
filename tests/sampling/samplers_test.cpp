// Names of samplers; driving them: the loop of sampling.h, several at once, stopping, errors.
#include <gtest/gtest.h>

#include <cmath>

#include "sampling/sampling_plan.h"
#include "support/golden.h"

namespace imagent::test {

static const SchedulerFile keys = {
    {"beta_start", 0.00085}, {"beta_end", 0.012}, {"beta_schedule", std::string("scaled_linear")}, {"steps_offset", 1.0}};

static Latents half(const Latents& x) { return sum(0.5 * x); }

TEST(Samplers, NamesOfOtherPrograms) {
  const auto name = [](std::string_view spelling) {
    const auto choice = find_sampler(spelling);
    return std::string(choice.sampler->name) + "/" + std::string(choice.schedule);
  };
  EXPECT_EQ(name("Euler a"), "euler_a/");
  EXPECT_EQ(name("EULER_A"), "euler_a/");
  EXPECT_EQ(name("k_euler_ancestral"), "euler_a/");
  EXPECT_EQ(name("DPM++ 2M Karras"), "dpmpp_2m/karras");
  EXPECT_EQ(name("k_dpmpp_2m"), "dpmpp_2m/");
  EXPECT_EQ(name("sample_dpmpp_2m_sde"), "dpmpp_2m_sde/");
  EXPECT_EQ(name("DPMSolverMultistepScheduler"), "dpmpp_2m/");
  EXPECT_EQ(name("DPM++ 2M SDE Heun Exponential"), "dpmpp_2m_sde_heun/exponential");
  EXPECT_EQ(name("KDPM2AncestralDiscreteScheduler"), "dpm2_a/");
  EXPECT_EQ(name("k_dpm_2_a"), "dpm2_a/");
  EXPECT_EQ(name("DDIM CFG++"), "ddim_cfgpp/");
  EXPECT_EQ(name("UniPC"), "unipc/");
  for (const auto& entry : samplers()) {
    EXPECT_EQ(find_sampler(entry.name).sampler, &entry);
    EXPECT_EQ(find_sampler(entry.display).sampler, &entry);
  }
  for (const auto& entry : schedules()) EXPECT_EQ(&find_schedule(entry.display), &entry);
}

TEST(Samplers, UnknownNamesSayWhatIsMeant) {
  try {
    find_sampler("eulr_a");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::usage);
    EXPECT_NE(error.text.find("did you mean euler_a?"), std::string::npos) << error.text;
    EXPECT_NE(error.text.find("sa_solver"), std::string::npos) << error.text;
  }
  EXPECT_THROW(find_schedule("karas"), Error);
  EXPECT_THROW(plan_sampling({.file = keys, .sampler = "ddim", .schedule = "karras"}), Error);
  EXPECT_THROW(plan_sampling({.file = keys, .sampler = "tcd", .rules = SamplingRules::a1111}), Error);
  EXPECT_THROW(plan_sampling({.file = keys, .steps = 0}), Error);
  EXPECT_THROW(plan_sampling({.file = keys, .strength = 1.5}), Error);
  EXPECT_THROW(plan_sampling({.file = keys, .strength = 0.01}), Error);
}

// How a pipeline uses this folder.
TEST(Samplers, UsageExample) {
  const SamplingPlan plan = plan_sampling({.file = keys, .file_class = "PNDMScheduler", .sampler = "DPM++ 2M Karras", .steps = 20});
  const auto generator = make_generator(GeneratorKind::cpu, 42);
  const Latents noise = draw_noise(*generator, 4, 8, 8);
  Sampling run = plan.run(plan.start(noise), *generator);
  int steps = 0;
  while (!run.finished()) {
    if (run.wants_model()) {
      run.answer(half(run.call().input));   // unet(run.call().input, run.call().timestep)
    } else {
      ++steps;                              // progress, preview of run.step().denoised, cancel
      run.resume();
    }
  }
  EXPECT_EQ(steps, 20);
  EXPECT_EQ(run.take_result().size(), size_t{256});
}

static Latents finish(Sampling& run) {
  while (!run.finished())
    if (run.wants_model())
      run.answer(half(run.call().input), half(run.call().input));
    else
      run.resume();
  return run.take_result();
}

TEST(Samplers, AllRunByBothRules) {
  for (const auto& entry : samplers())
    for (const auto rules : {SamplingRules::diffusers, SamplingRules::a1111}) {
      SCOPED_TRACE(entry.name);
      if (rules == SamplingRules::a1111 && (entry.id == SamplerId::tcd || entry.id == SamplerId::sa_solver || entry.id == SamplerId::dpmpp_2s))
        continue;
      const SamplingPlan plan = plan_sampling({.file = keys, .sampler = std::string(entry.name), .rules = rules, .steps = 6, .seed = 1});
      TorchCpuGenerator generator(1);
      Sampling run = plan.run(plan.start(draw_noise(generator, 4, 4, 4)), generator);
      for (const float value : finish(run).values) ASSERT_TRUE(std::isfinite(value));
    }
}

TEST(Samplers, SeveralAtOnceGiveWhatEachGivesAlone) {
  std::vector<Sampling> runs;
  std::vector<TorchCpuGenerator> generators = {TorchCpuGenerator(1), TorchCpuGenerator(2)};
  std::vector<Latents> alone;
  const auto plan = [](int steps) { return plan_sampling({.file = keys, .sampler = "euler_a", .steps = steps}); };
  for (int i = 0; i < 2; ++i) {
    TorchCpuGenerator generator(static_cast<uint64_t>(i + 1));
    const Latents noise = draw_noise(generator, 4, 4, 4);
    Sampling run = plan(5 + i).run(plan(5 + i).start(noise), generator);
    alone.push_back(finish(run));
    draw_noise(generators[static_cast<size_t>(i)], 4, 4, 4);
    runs.push_back(plan(5 + i).run(plan(5 + i).start(noise), generators[static_cast<size_t>(i)]));
  }
  while (!runs[0].finished() || !runs[1].finished())
    for (Sampling& run : runs) {
      if (run.finished()) continue;
      if (run.wants_model())
        run.answer(half(run.call().input));
      else
        run.resume();
    }
  for (size_t i = 0; i < 2; ++i) EXPECT_EQ(runs[i].take_result().values, alone[i].values);
}

TEST(Samplers, RefinerTakesOverWhereTheBaseStopped) {
  SamplingOptions options{.file = keys, .sampler = "euler", .schedule = "leading", .steps = 10};
  const auto whole = plan_sampling(options);
  options.denoising_end = 0.7;
  const auto base = plan_sampling(options);
  options.denoising_end.reset();
  options.denoising_start = 0.7;
  const auto refiner = plan_sampling(options);
  auto joined = base.timesteps;
  joined.insert(joined.end(), refiner.timesteps.begin(), refiner.timesteps.end());
  EXPECT_EQ(joined, whole.timesteps);
  EXPECT_EQ(base.timesteps.size(), size_t{7});

  TorchCpuGenerator generator(3);
  const Latents noise = draw_noise(generator, 4, 4, 4);
  Sampling all = whole.run(whole.start(noise), generator);
  Sampling first = base.run(base.start(noise), generator);
  Sampling second = refiner.run(finish(first), generator);
  EXPECT_LE(max_abs_difference(finish(all).values, finish(second).values), 1e-6);
}

TEST(Samplers, WrongAnswersAreErrorsAndDroppingARunIsFine) {
  TorchCpuGenerator generator(1);
  const auto plan = plan_sampling({.file = keys, .sampler = "heun", .steps = 4});
  Sampling run = plan.run(plan.start(draw_noise(generator, 4, 4, 4)), generator);
  EXPECT_THROW(run.answer(Latents(4, 2, 2)), Error);
  EXPECT_TRUE(run.finished());
  Sampling dropped = plan.run(plan.start(draw_noise(generator, 4, 4, 4)), generator);
  dropped.answer(half(dropped.call().input));
  EXPECT_FALSE(dropped.finished());
}

}  // namespace imagent::test
