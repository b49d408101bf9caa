// Instruction sets by CPUID; __builtin_cpu_supports also asks whether the system saves the registers (XGETBV).
#include "cpu/isa.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>

#include "base/error.h"

namespace imagent {
namespace {

constexpr std::array<std::string_view, isa_count> names = {"baseline", "avx2", "avx512", "avx512bf16"};

Isa supported() {
#if defined(__x86_64__)
  const auto all = [](auto... has) { return (has && ...); };
  if (!all(__builtin_cpu_supports("avx2"), __builtin_cpu_supports("fma"), __builtin_cpu_supports("bmi2"))) return Isa::baseline;
  if (!all(__builtin_cpu_supports("avx512f"), __builtin_cpu_supports("avx512bw"), __builtin_cpu_supports("avx512dq"),
           __builtin_cpu_supports("avx512vl"), __builtin_cpu_supports("avx512cd")))
    return Isa::avx2;
  if (!all(__builtin_cpu_supports("avx512bf16"), __builtin_cpu_supports("avx512vbmi"))) return Isa::avx512;
  return Isa::avx512bf16;
#else
  return Isa::baseline;
#endif
}

Isa wanted() {
  const char* text = std::getenv("IMAGENT_ISA");
  if (!text || !*text) return Isa::avx512bf16;
  const auto found = std::find(names.begin(), names.end(), text);
  check(found != names.end(), ErrorKind::usage, "IMAGENT_ISA is '", text, "'; it can be baseline, avx2, avx512 or avx512bf16");
  return static_cast<Isa>(found - names.begin());
}

std::atomic<Isa>& active() {
  static std::atomic<Isa> isa = best_isa();
  return isa;
}

}  // namespace

std::string_view name_of(Isa isa) { return names[static_cast<size_t>(isa)]; }

Isa best_isa() {
  static const Isa best = std::min(supported(), wanted());
  return best;
}

Isa active_isa() { return active(); }

IsaScope::IsaScope(Isa isa) : before_(active_isa()) { active() = std::min(isa, best_isa()); }
IsaScope::~IsaScope() { active() = before_; }

}  // namespace imagent
