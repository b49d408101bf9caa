// The one list of samplers and the one list of schedules: names, aliases, what users of other programs call them.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace imagent {

enum class SamplerId {
  euler, euler_a, heun, heunpp2, lms, pndm, plms, ddim, ddim_cfgpp, ddpm, dpm2, dpm2_a, dpmpp_2m, dpmpp_3m, dpmpp_2m_sde,
  dpmpp_2m_sde_heun, dpmpp_3m_sde, dpmpp_2s, dpmpp_2s_a, dpmpp_sde, dpm_fast, dpm_adaptive, restart, unipc, deis, ipndm,
  ipndm_v, lcm, tcd, sa_solver,
};

struct SamplerEntry {
  SamplerId id;
  std::string_view name;             // canonical: euler_a
  std::string_view display;          // Euler a: what A1111 writes into its metadata
  std::string_view diffusers_class;  // "": diffusers has none
  std::string_view automatic;        // the schedule A1111 gives it when asked for "Automatic"
  std::string_view aliases;          // further spellings, separated by |
  bool discards_next_to_last = false;  // A1111: the last level above 0 is left out
  bool uses_ensd = false;            // A1111: the seed delta (ENSD) applies
};

struct ScheduleEntry {
  std::string_view name;             // canonical: sgm_uniform
  std::string_view display;          // SGM Uniform
  std::string_view aliases;
};

std::span<const SamplerEntry> samplers();
std::span<const ScheduleEntry> schedules();

// What a name means. Case, blanks, - and _ do not count; "++" may be "pp"; "k_" and "sample_" may stand in front. A name may end
// with a schedule ("DPM++ 2M Karras"): then that is in `schedule`, else "" .
struct SamplerChoice {
  const SamplerEntry* sampler;
  std::string_view schedule;
};
// Errors: usage, with the whole list and the nearest name.
SamplerChoice find_sampler(std::string_view name);
const ScheduleEntry& find_schedule(std::string_view name);
const SamplerEntry& sampler_entry(SamplerId id);

}  // namespace imagent
