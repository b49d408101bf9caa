// The noise levels of the A1111 web UI (modules/sd_schedulers.py, k-diffusion get_sigmas_*).
#pragma once
#include "sampling/noise_schedule.h"

namespace imagent {

struct WebuiTable {
  std::string schedule;    // canonical name: uniform, karras, .. (samplers.h)
  int steps = 20;
  bool sdxl = false;       // align_your_steps has a table of its own for SDXL
  double rho = 0;          // karras, polyexponential; 0: their own
};
// Falling levels, the last one 0 (except kl_optimal, which ends above 0). ddim_uniform may have more than steps + 1.
// Errors: usage, for an unknown schedule.
std::vector<float> webui_sigmas(const WebuiTable& table, const NoiseSchedule& schedule);

// The align_your_steps schedules: tables for 10 steps (align_your_steps, _11, _gits) or 31 (_32), interpolated.
std::vector<float> aligned_sigmas(const WebuiTable& table);

// LCM's own levels: even in the 50 times of the distillation.
std::vector<float> webui_lcm_sigmas(int steps, const NoiseSchedule& schedule);

}  // namespace imagent
