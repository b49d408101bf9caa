// Random numbers that equal those of PyTorch (CPU generator) and of the A1111 web UI ("NV", Philox4x32-10).
// One generator an image: then a batch gives the same pictures as single runs.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace imagent {

enum class GeneratorKind { cpu, cuda };

class Generator {
 public:
  virtual ~Generator() = default;
  // Fills `out` with standard normal numbers: one draw of out.size() elements. How a sequence of numbers is cut into
  // draws matters: torch.randn(4) twice is not torch.randn(8).
  virtual void normal(std::span<float> out) = 0;
};

// All of the seed's bits count for `cuda`, the low 32 for `cpu` (as in PyTorch; -1 is taken modulo 2^64).
std::unique_ptr<Generator> make_generator(GeneratorKind kind, uint64_t seed);

// MT19937 (Matsumoto & Nishimura 1998), seeded by init_genrand.
class Mt19937 {
 public:
  explicit Mt19937(uint32_t seed);
  explicit Mt19937(std::span<const uint32_t> key);  // init_by_array of the authors' mt19937ar.c; key not empty
  uint32_t next();
  uint64_t next64();  // the first 32-bit number is the high word

 private:
  void refill();
  std::array<uint32_t, 624> state_;
  size_t position_ = 624;
};

// torch.Generator("cpu"): randn, rand and randint (aten/src/ATen/native/cpu/DistributionTemplates.h).
class TorchCpuGenerator final : public Generator {
 public:
  explicit TorchCpuGenerator(uint64_t seed) : engine_(static_cast<uint32_t>(seed)) {}

  void normal(std::span<float> out) override;            // torch.randn
  void normal(std::span<double> out);
  void normal_half(std::span<float> out);                // torch.randn in f16 or bf16, before it is rounded to that
  void uniform(std::span<float> out);                    // torch.rand: [0, 1)
  void uniform(std::span<double> out);
  int64_t integer(int64_t low, int64_t high);            // one element of torch.randint: [low, high)

 private:
  float uniform_f32();
  double uniform_f64();
  double normal_double();
  template <class T>
  void fill_normal(std::span<T> out, size_t first_pass);

  Mt19937 engine_;
  std::optional<double> cached_;  // the partner of a Box-Muller pair; survives other draws between
};

// The counter-based generator of modules/rng_philox.py: draw k of a generator uses offset k. Equals torch on CUDA for
// tensors that fit the GPU's grid.
class PhiloxGenerator final : public Generator {
 public:
  explicit PhiloxGenerator(uint64_t seed) : seed_(seed) {}
  void normal(std::span<float> out) override;

 private:
  uint64_t seed_;
  uint32_t draw_ = 0;
};

}  // namespace imagent
