// The lists, and finding names in them.
#include "sampling/samplers.h"

#include <array>

#include "base/error.h"

namespace imagent {

using enum SamplerId;

static constexpr std::array list = {
    SamplerEntry{euler, "euler", "Euler", "EulerDiscreteScheduler", "uniform", "euler discrete"},
    SamplerEntry{euler_a, "euler_a", "Euler a", "EulerAncestralDiscreteScheduler", "uniform", "euler ancestral|euler anc",
                 false, true},
    SamplerEntry{heun, "heun", "Heun", "HeunDiscreteScheduler", "uniform", ""},
    SamplerEntry{heunpp2, "heunpp2", "HeunPP2", "", "uniform", "heun++|heunpp|heun++2"},
    SamplerEntry{lms, "lms", "LMS", "LMSDiscreteScheduler", "uniform", ""},
    SamplerEntry{pndm, "pndm", "PNDM", "PNDMScheduler", "uniform", ""},
    SamplerEntry{plms, "plms", "PLMS", "PNDMScheduler", "uniform", ""},
    SamplerEntry{ddim, "ddim", "DDIM", "DDIMScheduler", "uniform", ""},
    SamplerEntry{ddim_cfgpp, "ddim_cfgpp", "DDIM CFG++", "", "uniform", "ddim cfg"},
    SamplerEntry{ddpm, "ddpm", "DDPM", "DDPMScheduler", "uniform", ""},
    SamplerEntry{dpm2, "dpm2", "DPM2", "KDPM2DiscreteScheduler", "karras", "dpm 2|dpm2 discrete", true},
    SamplerEntry{dpm2_a, "dpm2_a", "DPM2 a", "KDPM2AncestralDiscreteScheduler", "karras", "dpm2 ancestral|dpm 2 ancestral",
                 true, true},
    SamplerEntry{dpmpp_2m, "dpmpp_2m", "DPM++ 2M", "DPMSolverMultistepScheduler", "karras", "dpm solver multistep|dpmsolver++"},
    SamplerEntry{dpmpp_3m, "dpmpp_3m", "DPM++ 3M", "DPMSolverMultistepScheduler", "karras", ""},
    SamplerEntry{dpmpp_2m_sde, "dpmpp_2m_sde", "DPM++ 2M SDE", "DPMSolverMultistepScheduler", "exponential", "sde dpmsolver++"},
    SamplerEntry{dpmpp_2m_sde_heun, "dpmpp_2m_sde_heun", "DPM++ 2M SDE Heun", "DPMSolverMultistepScheduler", "exponential", ""},
    SamplerEntry{dpmpp_3m_sde, "dpmpp_3m_sde", "DPM++ 3M SDE", "DPMSolverMultistepScheduler", "exponential", "", true},
    SamplerEntry{dpmpp_2s, "dpmpp_2s", "DPM++ 2S", "DPMSolverSinglestepScheduler", "karras", "dpm solver singlestep"},
    SamplerEntry{dpmpp_2s_a, "dpmpp_2s_a", "DPM++ 2S a", "", "karras", "dpm++ 2s ancestral", false, true},
    SamplerEntry{dpmpp_sde, "dpmpp_sde", "DPM++ SDE", "DPMSolverSDEScheduler", "karras", "dpm solver sde"},
    SamplerEntry{dpm_fast, "dpm_fast", "DPM fast", "", "uniform", "", false, true},
    SamplerEntry{dpm_adaptive, "dpm_adaptive", "DPM adaptive", "", "uniform", "dpm ad", false, true},
    SamplerEntry{restart, "restart", "Restart", "", "karras", ""},
    SamplerEntry{unipc, "unipc", "UniPC", "UniPCMultistepScheduler", "uniform", "uni pc|uni pc bh2"},
    SamplerEntry{deis, "deis", "DEIS", "DEISMultistepScheduler", "uniform", ""},
    SamplerEntry{ipndm, "ipndm", "IPNDM", "IPNDMScheduler", "uniform", ""},
    SamplerEntry{ipndm_v, "ipndm_v", "IPNDM_V", "", "uniform", ""},
    SamplerEntry{lcm, "lcm", "LCM", "LCMScheduler", "uniform", ""},
    SamplerEntry{tcd, "tcd", "TCD", "TCDScheduler", "uniform", ""},
    SamplerEntry{sa_solver, "sa_solver", "SA Solver", "SASolverScheduler", "uniform", ""},
};

static constexpr std::array schedule_list = {
    ScheduleEntry{"automatic", "Automatic", "auto"},
    ScheduleEntry{"normal", "Normal", "default|discrete"},
    ScheduleEntry{"leading", "Leading", ""},
    ScheduleEntry{"trailing", "Trailing", ""},
    ScheduleEntry{"linspace", "Linspace", ""},
    ScheduleEntry{"uniform", "Uniform", ""},
    ScheduleEntry{"karras", "Karras", ""},
    ScheduleEntry{"exponential", "Exponential", ""},
    ScheduleEntry{"polyexponential", "Polyexponential", ""},
    ScheduleEntry{"beta", "Beta", ""},
    ScheduleEntry{"simple", "Simple", ""},
    ScheduleEntry{"sgm_uniform", "SGM Uniform", ""},
    ScheduleEntry{"ddim_uniform", "DDIM", "ddim"},
    ScheduleEntry{"kl_optimal", "KL Optimal", ""},
    ScheduleEntry{"align_your_steps", "Align Your Steps", "ays"},
    ScheduleEntry{"align_your_steps_11", "Align Your Steps 11", ""},
    ScheduleEntry{"align_your_steps_32", "Align Your Steps 32", ""},
    ScheduleEntry{"align_your_steps_gits", "Align Your Steps GITS", "gits"},
    ScheduleEntry{"turbo", "Turbo", ""},
};

std::span<const SamplerEntry> samplers() { return list; }
std::span<const ScheduleEntry> schedules() { return schedule_list; }

// Letters and digits only, lower case, + as p.
static std::string normal_form(std::string_view name) {
  std::string out;
  for (const char c : lower_ascii(name)) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out += c;
    if (c == '+') out += 'p';
  }
  return out;
}

template <class Entry>
static bool has_spelling(const Entry& entry, const std::string& form) {
  if (form == normal_form(entry.name) || form == normal_form(entry.display)) return true;
  for (const auto alias : split(entry.aliases, '|'))
    if (!alias.empty() && form == normal_form(alias)) return true;
  return false;
}

static const SamplerEntry* sampler_of(const std::string& form) {
  for (const auto& entry : list)
    if (has_spelling(entry, form)) return &entry;
  for (const auto& entry : list)  // the first of a class is its plain form
    if (!entry.diffusers_class.empty() && form == normal_form(entry.diffusers_class)) return &entry;
  for (const std::string_view prefix : {"k", "sample"})
    if (form.starts_with(prefix))
      if (const auto* found = sampler_of(form.substr(prefix.size()))) return found;
  return nullptr;
}

template <class List>
static std::vector<std::string> names_of(const List& entries) {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.emplace_back(entry.name);
  return names;
}

template <class List>
[[noreturn]] static void fail_unknown(std::string_view kind, std::string_view name, const List& entries) {
  const auto names = names_of(entries);
  const std::string near = nearest_name(name, names);
  fail(ErrorKind::usage, "unknown ", kind, " \"", name, "\"", near.empty() ? "" : "; did you mean " + near + "?",
       near.empty() ? "; " : " ", "Known are ", join(names, ", "));
}

SamplerChoice find_sampler(std::string_view name) {
  const std::string form = normal_form(name);
  if (const auto* found = sampler_of(form)) return {found, ""};
  for (const auto& schedule : schedule_list) {
    const std::string ending = normal_form(schedule.name);
    if (form.size() <= ending.size() || !form.ends_with(ending)) continue;
    if (const auto* found = sampler_of(form.substr(0, form.size() - ending.size()))) return {found, schedule.name};
  }
  fail_unknown("sampler", name, list);
}

const ScheduleEntry& find_schedule(std::string_view name) {
  const std::string form = normal_form(name);
  for (const auto& entry : schedule_list)
    if (has_spelling(entry, form)) return entry;
  fail_unknown("schedule", name, schedule_list);
}

const SamplerEntry& sampler_entry(SamplerId id) {
  for (const auto& entry : list)
    if (entry.id == id) return entry;
  fail(ErrorKind::internal, "a sampler is missing in the list");
}

}  // namespace imagent
