// Group norm + SiLU, layer norm, GEGLU and sums at the shapes of SD 1.5 at 512x512 with guidance and of its VAE, against
// copying tensors of the same size. GB/s count each tensor once in and once out (group norm reads its input twice).
#include <cstring>

#include "bench/product_bench.h"

namespace imagent::bench {
namespace {

struct Size {
  int64_t batch, pixels, channels;
};

using Verb = void (*)(Tensor& y, const Tensor& x, const NormParams& p);
struct Case {
  const char* name;
  Verb verb;
  int64_t inputs;  // tensors of the output's size that are read
};
constexpr Case cases[] = {
    {"copy", [](Tensor& y, const Tensor& x, const NormParams&) { std::memcpy(y.data(), x.data(), y.bytes()); }, 1},
    {"group_norm_silu", [](Tensor& y, const Tensor& x, const NormParams& p) { backend().group_norm(y, x, p, 32, Act::silu); }, 1},
    {"layer_norm", [](Tensor& y, const Tensor& x, const NormParams& p) { backend().layer_norm(y, x, p); }, 1},
    {"geglu", [](Tensor& y, const Tensor& x, const NormParams&) { backend().geglu(y, x); }, 2},
    {"axpby", [](Tensor& y, const Tensor& x, const NormParams&) { backend().axpby(y, 1, x, 1, x); }, 1},
};

void run(benchmark::State& state, const Case& c, Size size, DType dtype) {
  const Tensor x = tensor({size.batch, size.pixels, size.channels * c.inputs}, dtype);
  Tensor y(backend(), {size.batch, size.pixels, size.channels}, dtype);
  const NormParams p{tensor({size.channels}, DType::f32), tensor({size.channels}, DType::f32), 1e-5f};
  c.verb(y, x, p);  // touches all memory
  for (auto _ : state) c.verb(y, x, p);
  state.counters["GB/s"] = benchmark::Counter(static_cast<double>(y.bytes() + x.bytes()) * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace
}  // namespace imagent::bench

int main(int argc, char** argv) {
  using namespace imagent;
  for (DType dtype : {DType::bf16, DType::f32})
    for (const bench::Case& c : bench::cases)
      for (const bench::Size& s : {bench::Size{2, 4096, 320}, {2, 1024, 640}, {2, 64, 1280}, {1, 512 * 512, 128}})
        benchmark::RegisterBenchmark(str(c.name, '/', name_of(dtype), '/', s.batch, 'x', s.pixels, 'x', s.channels).c_str(),
                                     [=](benchmark::State& state) { bench::run(state, c, s, dtype); })
            ->UseRealTime()->Unit(benchmark::kMillisecond);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
