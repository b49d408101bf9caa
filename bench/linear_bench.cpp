// Linear layers of SD 1.5 at 512x512 with guidance: attention projections, GEGLU feed-forward, text keys, 1x1 shortcuts.
#include "bench/product_bench.h"

namespace imagent::bench {
namespace {

struct Layer {
  int64_t batch, tokens, in, out;
};
constexpr Layer layers[] = {
    {2, 4096, 320, 320},   {2, 4096, 320, 2560}, {2, 4096, 1280, 320},  {2, 4096, 960, 320},   {2, 1024, 640, 640},
    {2, 1024, 640, 5120},  {2, 1024, 2560, 640}, {2, 256, 1280, 1280},  {2, 256, 1280, 10240}, {2, 256, 5120, 1280},
    {2, 256, 2560, 1280},  {2, 64, 1280, 1280},  {2, 64, 1280, 10240},  {2, 64, 5120, 1280},   {2, 77, 768, 320},
    {2, 77, 768, 1280},    {1, 77, 768, 3072},   {2, 1, 320, 1280},     {2, 1, 1280, 1280},    {1, 4096, 512, 512},
};

void linear(benchmark::State& state, Layer l, DType dtype) {
  if (!backend().supports(dtype)) return state.SkipWithError("not on this processor");
  const Packed w = backend().pack_linear(weight({l.out, l.in}), weight({l.out, 1}), dtype);
  const Tensor x = tensor({l.batch, l.tokens, l.in}, dtype);
  Tensor y(backend(), {l.batch, l.tokens, l.out}, dtype);
  backend().linear(y, x, w, {});  // touches all memory
  for (auto _ : state) backend().linear(y, x, w, {});
  report(state, 2.0 * static_cast<double>(y.numel() * l.in), dtype);
}

}  // namespace
}  // namespace imagent::bench

int main(int argc, char** argv) {
  using namespace imagent;
  for (DType dtype : {DType::bf16, DType::f32})
    for (const bench::Layer& l : bench::layers)
      benchmark::RegisterBenchmark(str(name_of(dtype), '/', l.batch, 'x', l.tokens, '/', l.in, "->", l.out).c_str(),
                                   [=](benchmark::State& state) { bench::linear(state, l, dtype); })
          ->UseRealTime()->Unit(benchmark::kMillisecond);
  benchmark::AddCustomContext("peak GFLOP/s", str("f32 ", bench::peak().f32, ", bf16 ", bench::peak().bf16, ", int8 ", bench::peak().int8));
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
