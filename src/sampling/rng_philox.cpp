// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") as the A1111 web UI uses it.
#include <cmath>

#include "sampling/rng.h"

namespace imagent {

static std::array<uint32_t, 4> philox4x32_10(std::array<uint32_t, 4> c, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p = uint64_t{c[0]} * 0xd2511f53u, q = uint64_t{c[2]} * 0xcd9e8d57u;
    c = {static_cast<uint32_t>(q >> 32) ^ c[1] ^ key[0], static_cast<uint32_t>(q),
         static_cast<uint32_t>(p >> 32) ^ c[3] ^ key[1], static_cast<uint32_t>(p)};
    key[0] += 0x9e3779b9u;
    key[1] += 0xbb67ae85u;
  }
  return c;
}

void PhiloxGenerator::normal(std::span<float> out) {
  // The reference rounds these two constants to f32 and computes the rest in double.
  const double to_unit = 2.3283064e-10f, to_angle = static_cast<float>(2.3283064e-10 * 6.2831855);
  const std::array<uint32_t, 2> key = {static_cast<uint32_t>(seed_), static_cast<uint32_t>(seed_ >> 32)};
  for (size_t i = 0; i < out.size(); ++i) {
    const auto bits = philox4x32_10({draw_, 0, static_cast<uint32_t>(i), 0}, key);
    const double u = bits[0] * to_unit + to_unit / 2, angle = bits[1] * to_angle + to_angle / 2;
    out[i] = static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::sin(angle));
  }
  ++draw_;
}

std::unique_ptr<Generator> make_generator(GeneratorKind kind, uint64_t seed) {
  if (kind == GeneratorKind::cuda) return std::make_unique<PhiloxGenerator>(seed);
  return std::make_unique<TorchCpuGenerator>(seed);
}

}  // namespace imagent
