// Noise levels against golden/sampling/sigma_tables.json, and timesteps against the pipelines of diffusers.
#include <gtest/gtest.h>

#include "sampling/sampling_plan.h"
#include "sampling/webui_sigmas.h"
#include "support/golden.h"

namespace imagent::test {

static const SchedulerFile stable_diffusion = {
    {"beta_start", 0.00085}, {"beta_end", 0.012}, {"beta_schedule", std::string("scaled_linear")}};

static NoiseSchedule schedule_of(const std::string& kind) {
  return make_noise_schedule(make_scheduler_config("EulerDiscreteScheduler", stable_diffusion),
                             kind == "a1111" ? Rounding::a1111 : Rounding::forge, true);
}

TEST(Schedules, TrainingLevels) {
  const Arrays arrays(golden("sampling/webui.safetensors"));
  for (const std::string kind : {"a1111", "forge"}) {
    const auto sigmas = schedule_of(kind).sigmas;
    const auto want = arrays["webui/train_sigmas." + kind].values;
    ASSERT_EQ(sigmas.size(), want.size());
    for (size_t i = 0; i < sigmas.size(); ++i) EXPECT_NEAR(sigmas[i], want[i], 2e-7 * want[i]) << kind << " " << i;
  }
}

TEST(Schedules, TablesOfTheWebui) {
  const auto tables = read_json(golden("sampling/sigma_tables.json"));
  int checked = 0;
  for (const auto& row : tables["rows"]) {
    if (!row.contains("sigmas")) continue;  // the original raises there
    const std::string kind = row["kind"], name = row["scheduler"];
    const int steps = row["steps"];
    SCOPED_TRACE(name + " " + kind + " " + std::to_string(steps));
    const NoiseSchedule schedule = schedule_of(kind);
    const auto got = name == "lcm_automatic" ? webui_lcm_sigmas(steps, schedule)
                                             : webui_sigmas({.schedule = std::string(find_schedule(name).name), .steps = steps,
                                                             .sdxl = row["sdxl"], .rho = row.value("rho", 0.0)},
                                                            schedule);
    const auto want = row["sigmas"].get<std::vector<double>>();
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 3e-6 * std::max(0.1, want[i])) << i;
    ++checked;
  }
  EXPECT_GT(checked, 150);
}

TEST(Schedules, ConfigTakesOnlyKeysOfTheFile) {
  SchedulerFile file = stable_diffusion;
  file["steps_offset"] = 1.0;
  file["clip_sample"] = false;
  const SchedulerConfig euler = make_scheduler_config("EulerDiscreteScheduler", file);
  EXPECT_EQ(euler.timestep_spacing, "linspace");
  EXPECT_EQ(euler.steps_offset, 1);
  EXPECT_EQ(make_scheduler_config("DDIMScheduler", file).timestep_spacing, "leading");
  EXPECT_FALSE(make_scheduler_config("DDIMScheduler", file).clip_sample);
  EXPECT_TRUE(make_scheduler_config("DDIMScheduler", {}).clip_sample);
}

TEST(Schedules, BadConfigsAreErrors) {
  const auto kind_of = [](const std::string& name, const SchedulerFile& file) {
    try {
      make_noise_schedule(make_scheduler_config(name, file), Rounding::diffusers, true);
    } catch (const Error& error) {
      return error.kind;
    }
    return ErrorKind::internal;
  };
  EXPECT_EQ(kind_of("NoSuchScheduler", {}), ErrorKind::model);
  EXPECT_EQ(kind_of("DDIMScheduler", {{"beta_start", true}}), ErrorKind::model);
  EXPECT_EQ(kind_of("DDIMScheduler", {{"num_train_timesteps", 1e9}}), ErrorKind::model);
  EXPECT_EQ(kind_of("DDIMScheduler", {{"beta_schedule", std::string("wild")}}), ErrorKind::model);
  EXPECT_EQ(kind_of("DDIMScheduler", {{"trained_betas", std::vector<double>{0.1}}}), ErrorKind::model);
}

static SchedulerFile keys_of(const nlohmann::json& config) {
  SchedulerFile file;
  for (const auto& [key, value] : config.items()) {
    if (value.is_boolean()) file[key] = value.get<bool>();
    if (value.is_number()) file[key] = value.get<double>();
    if (value.is_string()) file[key] = value.get<std::string>();
  }
  return file;
}

TEST(Schedules, TimestepsOfThePipelines) {
  int checked = 0;
  for (const auto& folder : std::filesystem::directory_iterator(golden("pipelines"))) {
    if (!std::filesystem::exists(folder.path() / "case.json")) continue;
    const auto c = read_json(folder.path() / "case.json");
    SCOPED_TRACE(folder.path().filename().string());
    SamplingOptions options{.file = keys_of(c["scheduler_config"]), .file_class = c["scheduler_class"], .steps = c["steps"]};
    const bool lcm_from_image = c.contains("strength") && options.file_class == "LCMScheduler";
    if (c.contains("strength") && !c["strength"].is_null()) options.strength = c["strength"].get<double>();
    options.distilled = lcm_from_image;
    // The files list the times before the cut at the strength, which model_calls counts.
    auto want = c["timesteps"].get<std::vector<double>>();
    const size_t calls = c["model_calls"];
    if (!lcm_from_image) want.erase(want.begin(), want.end() - static_cast<ptrdiff_t>(calls));
    const auto got = plan_sampling(options).timesteps;
    EXPECT_EQ(got.size(), want.size());
    for (size_t i = 0; i < std::min(got.size(), want.size()); ++i) EXPECT_NEAR(got[i], want[i], 5e-3) << i;
    ++checked;
  }
  EXPECT_GT(checked, 20);
}

}  // namespace imagent::test
