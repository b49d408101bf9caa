// Attention of SD 1.5 at 512x512 with guidance (self and text), of its VAE, of SDXL and of a text encoder.
#include "bench/product_bench.h"

namespace imagent::bench {
namespace {

struct Layer {
  int64_t batch, queries, keys, heads, width;
  bool causal = false;
};
constexpr Layer layers[] = {
    {2, 4096, 4096, 8, 40}, {2, 4096, 77, 8, 40},    {2, 1024, 1024, 8, 80},  {2, 1024, 77, 8, 80}, {2, 256, 256, 8, 160},
    {2, 256, 77, 8, 160},   {2, 64, 64, 8, 160},     {1, 4096, 4096, 1, 512}, {2, 4096, 4096, 10, 64}, {2, 1024, 1024, 20, 64},
    {2, 1024, 77, 20, 64},  {1, 77, 77, 12, 64, true},
};

void attention(benchmark::State& state, Layer l, DType dtype) {
  if (!backend().supports(dtype)) return state.SkipWithError("not on this processor");
  const Tensor q = tensor({l.batch, l.queries, l.heads * l.width}, dtype), k = tensor({l.batch, l.keys, l.heads * l.width}, dtype);
  Tensor y(backend(), q.shape(), dtype);
  const auto run = [&] { backend().attention(y, q, k, k, static_cast<int>(l.heads), l.causal); };
  run();  // touches all memory
  for (auto _ : state) run();
  report(state, 4.0 * static_cast<double>(l.batch * l.queries * l.keys * l.heads * l.width), dtype);
}

}  // namespace
}  // namespace imagent::bench

int main(int argc, char** argv) {
  using namespace imagent;
  for (DType dtype : {DType::bf16, DType::f32})
    for (const bench::Layer& l : bench::layers)
      benchmark::RegisterBenchmark(str(name_of(dtype), '/', l.batch, 'x', l.queries, 'x', l.keys, '/', l.heads, 'x', l.width, l.causal ? "/causal" : "").c_str(),
                                   [=](benchmark::State& state) { bench::attention(state, l, dtype); })
          ->UseRealTime()->Unit(benchmark::kMillisecond);
  benchmark::AddCustomContext("peak GFLOP/s", str("f32 ", bench::peak().f32, ", bf16 ", bench::peak().bf16));
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
