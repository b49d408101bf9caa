// Which instruction set the CPU backend's own kernels use, found at run time.
#pragma once
#include <string_view>

namespace imagent {

// In ascending order; each includes the ones before it. avx2 has FMA, avx512 is x86-64-v4.
enum class Isa { baseline, avx2, avx512, avx512bf16 };
inline constexpr int isa_count = 4;

std::string_view name_of(Isa isa);  // "baseline", "avx2", ...

// The best that processor and system support, or less if the environment variable IMAGENT_ISA names less.
// Errors: usage, when IMAGENT_ISA names none of them.
Isa best_isa();
// What kernels use now: best_isa() unless an IsaScope lowers it.
Isa active_isa();

// Until the end of the scope kernels use `isa`, or best_isa() if that is less. For tests; not for concurrent use.
class IsaScope {
 public:
  explicit IsaScope(Isa isa);
  ~IsaScope();
  IsaScope(const IsaScope&) = delete;
  IsaScope& operator=(const IsaScope&) = delete;

 private:
  Isa before_;
};

}  // namespace imagent
