// PyTorch's CPU generator, reimplemented from its documented behaviour (MT19937 + Box-Muller).
#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "sampling/rng.h"

namespace imagent {

Mt19937::Mt19937(uint32_t seed) {
  state_[0] = seed;
  for (uint32_t i = 1; i < state_.size(); ++i)
    state_[i] = 1812433253u * (state_[i - 1] ^ (state_[i - 1] >> 30)) + i;
}

Mt19937::Mt19937(std::span<const uint32_t> key) : Mt19937(19650218u) {
  const size_t n = state_.size();
  size_t i = 1;
  const auto previous = [&](uint32_t factor) { return (state_[i - 1] ^ (state_[i - 1] >> 30)) * factor; };
  const auto advance = [&] {
    if (++i < n) return;
    state_[0] = state_[n - 1];
    i = 1;
  };
  for (size_t step = 0; step < std::max(n, key.size()); ++step) {
    const size_t j = step % key.size();
    state_[i] = (state_[i] ^ previous(1664525u)) + key[j] + static_cast<uint32_t>(j);
    advance();
  }
  for (size_t step = 0; step < n - 1; ++step) {
    state_[i] = (state_[i] ^ previous(1566083941u)) - static_cast<uint32_t>(i);
    advance();
  }
  state_[0] = 0x80000000u;
}

void Mt19937::refill() {
  for (size_t k = 0; k < 624; ++k) {
    const uint32_t y = (state_[k] & 0x80000000u) | (state_[(k + 1) % 624] & 0x7fffffffu);
    state_[k] = state_[(k + 397) % 624] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
  }
  position_ = 0;
}

uint32_t Mt19937::next() {
  if (position_ == state_.size()) refill();
  uint32_t y = state_[position_++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

uint64_t Mt19937::next64() {
  const uint64_t high = next();
  return high << 32 | next();
}

float TorchCpuGenerator::uniform_f32() { return static_cast<float>(engine_.next() & 0xffffff) / 16777216.0f; }

double TorchCpuGenerator::uniform_f64() {
  return static_cast<double>(engine_.next64() & ((uint64_t{1} << 53) - 1)) / 9007199254740992.0;
}

double TorchCpuGenerator::normal_double() {
  if (cached_) {
    const double value = *cached_;
    cached_.reset();
    return value;
  }
  const double u1 = uniform_f64(), u2 = uniform_f64();
  const double radius = std::sqrt(-2.0 * std::log1p(-u2)), angle = 2.0 * std::numbers::pi * u1;
  cached_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

// 16 uniform numbers become 8 Box-Muller pairs, element j with j + 8.
template <class T>
static void box_muller_16(T* d) {
  for (int j = 0; j < 8; ++j) {
    const double u1 = 1.0 - d[j], u2 = d[j + 8];
    const double radius = std::sqrt(-2.0 * std::log(u1)), angle = 2.0 * std::numbers::pi * u2;
    d[j] = static_cast<T>(radius * std::cos(angle));
    d[j + 8] = static_cast<T>(radius * std::sin(angle));
  }
}

// `first_pass`: how many uniform numbers are drawn before the last 16 are drawn afresh.
template <class T>
void TorchCpuGenerator::fill_normal(std::span<T> out, size_t first_pass) {
  const size_t n = out.size();
  if (n < 16) {
    for (T& value : out) value = static_cast<T>(normal_double());
    return;
  }
  uniform(out.first(first_pass));
  for (size_t i = 0; i + 16 <= n; i += 16) box_muller_16(&out[i]);
  if (n % 16 != 0) {
    uniform(out.last(16));
    box_muller_16(&out[n - 16]);
  }
}

void TorchCpuGenerator::normal(std::span<float> out) { fill_normal(out, out.size()); }
void TorchCpuGenerator::normal(std::span<double> out) { fill_normal(out, out.size()); }
void TorchCpuGenerator::normal_half(std::span<float> out) { fill_normal(out, out.size() / 16 * 16); }

void TorchCpuGenerator::uniform(std::span<float> out) {
  for (float& value : out) value = uniform_f32();
}
void TorchCpuGenerator::uniform(std::span<double> out) {
  for (double& value : out) value = uniform_f64();
}

int64_t TorchCpuGenerator::integer(int64_t low, int64_t high) {
  check(low < high, "random integer: the range [", low, ", ", high, ") is empty");
  const uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
  const uint64_t bits = range >= (uint64_t{1} << 28) ? engine_.next64() : engine_.next();
  return static_cast<int64_t>(static_cast<uint64_t>(low) + bits % range);
}

}  // namespace imagent
