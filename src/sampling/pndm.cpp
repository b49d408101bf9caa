// PNDM (Liu et al. 2022): linear multistep over noise predictions, with an improved-Euler or Runge-Kutta start; and
// diffusers' IPNDM. scheduling_pndm.py, scheduling_ipndm.py, sd_samplers_timesteps_impl.py plms.
#include <algorithm>
#include <cmath>
#include <deque>

#include "sampling/alpha_samplers.h"

namespace imagent {

// Adams-Bashforth over the outputs, the newest first.
static Latents mixed(const std::deque<Latents>& e) {
  switch (e.size()) {
    case 1: return e[0];
    case 2: return sum(3.0 / 2 * e[0], -1.0 / 2 * e[1]);
    case 3: return sum(23.0 / 12 * e[0], -16.0 / 12 * e[1], 5.0 / 12 * e[2]);
    default: return sum(55.0 / 24 * e[0], -59.0 / 24 * e[1], 37.0 / 24 * e[2], -9.0 / 24 * e[3]);
  }
}

static void remember(std::deque<Latents>& e, Latents output) {
  e.push_front(std::move(output));
  if (e.size() > 4) e.pop_back();
}

// Equation 11, which is DDIM's step.
static Latents transfer(const AlphaStep& s, const Prediction& p) {
  return sum(std::sqrt(s.alpha_next) * p.image, std::sqrt(1 - s.alpha_next) * p.noise);
}

Sampling sample_plms(AlphaTask task) {
  Latents x = task.take(), base, total;
  std::deque<Latents> outputs;
  for (int i = 0; i < task.count(); ++i) {
    Latents output = co_await task.output(x, i);
    if (task.eps_first) output = imagent::predict(task.kind, {}, x, output, std::sqrt(task.at(i).alpha), std::sqrt(1 - task.at(i).alpha)).noise;
    const bool runge_kutta = static_cast<size_t>(i) < task.prk;
    const int stage = runge_kutta ? i % 4 : -1;
    bool intermediate = stage >= 0 && stage < 3;
    if (runge_kutta) {
      if (stage == 0) {
        base = x;
        remember(outputs, output);
      }
      const double weight = stage == 0 || stage == 3 ? 1.0 / 6 : 1.0 / 3;
      total = stage == 0 ? sum(weight * output) : sum(1 * total, weight * output);
      if (stage == 3) output = total;
    } else if (i == 1 && task.prk == 0) {
      output = sum(0.5 * output, 0.5 * outputs[0]);
    } else {
      if (i == 0) base = x;
      remember(outputs, output);
      output = mixed(outputs);
      intermediate = i == 0 && task.count() > 1;
    }
    const bool from_base = runge_kutta || i == 1;
    const Latents& from = from_base ? base : x;
    const Prediction p = task.eps_first ? imagent::predict(Parameterisation::epsilon, task.clipping, from, output,
                                                           std::sqrt(task.at(i).alpha), std::sqrt(1 - task.at(i).alpha))
                                        : task.predict(from, output, i);
    x = transfer(task.at(i), p);
    co_await task.done(x, p.image, i, intermediate);
  }
  co_return x;
}

Sampling sample_ipndm_angles(AlphaTask task) {
  Latents x = task.take();
  std::deque<Latents> outputs;
  for (int i = 0; i < task.count(); ++i) {
    const double alpha = std::sqrt(task.at(i).alpha), sigma = std::sqrt(1 - task.at(i).alpha);
    const Latents output = co_await task.output(x, i);
    remember(outputs, sum(sigma * x, alpha * output));
    const Latents noise = mixed(outputs);
    // At the very start nothing of the image shows: the original divides 0 by 1e-8.
    const Latents image = alpha > 1e-8 ? sum(1 / alpha * x, -sigma / alpha * noise) : Latents(x.channels, x.height, x.width);
    x = transfer(task.at(i), {image, noise});
    co_await task.done(x, image, i);
  }
  co_return x;
}

}  // namespace imagent
