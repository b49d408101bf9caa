// 3x3 convolutions of SD 1.5 at 512x512: UNet with guidance (batch 2), then the autoencoder's decoder.
#include "bench/product_bench.h"

namespace imagent::bench {
namespace {

struct Layer {
  int64_t batch, size, in, out;
  int stride = 1;
};
constexpr Layer layers[] = {
    {2, 64, 4, 320},     {2, 64, 320, 320},   {2, 64, 960, 320},    {2, 64, 640, 320},   {2, 64, 640, 640},
    {2, 32, 640, 640},   {2, 32, 1920, 640},  {2, 32, 1280, 640},   {2, 32, 1280, 1280}, {2, 16, 640, 1280},
    {2, 16, 1280, 1280}, {2, 16, 2560, 1280}, {2, 8, 1280, 1280},   {2, 8, 2560, 1280},  {2, 64, 320, 320, 2},
    {2, 64, 320, 4},     {1, 64, 512, 512},   {1, 128, 512, 512},   {1, 256, 512, 512},  {1, 256, 512, 256},
    {1, 256, 256, 256},  {1, 512, 256, 256},  {1, 512, 256, 128},   {1, 512, 128, 128},  {1, 512, 128, 3},
};

void convolution(benchmark::State& state, Layer l, DType dtype) {
  if (!backend().supports(dtype)) return state.SkipWithError("not on this processor");
  const Packed w = backend().pack_conv2d(weight({l.out, l.in, 3, 3}), weight({l.out, 1}), dtype);
  const Tensor x = tensor({l.batch, l.size, l.size, l.in}, dtype);
  const int64_t size = (l.size - 1) / l.stride + 1;
  Tensor y(backend(), {l.batch, size, size, l.out}, dtype);
  Conv2dParams params = Conv2dParams::same(3);
  params.stride = l.stride;
  backend().conv2d(y, x, w, params, {});  // touches all memory
  for (auto _ : state) backend().conv2d(y, x, w, params, {});
  report(state, 2.0 * 9 * static_cast<double>(y.numel() * l.in), dtype);
}

}  // namespace
}  // namespace imagent::bench

int main(int argc, char** argv) {
  using namespace imagent;
  for (DType dtype : {DType::bf16, DType::f32})
    for (const bench::Layer& l : bench::layers)
      benchmark::RegisterBenchmark(str(name_of(dtype), '/', l.batch, 'x', l.size, 'x', l.size, '/', l.in, "->", l.out, l.stride > 1 ? "/s2" : "").c_str(),
                                   [=](benchmark::State& state) { bench::convolution(state, l, dtype); })
          ->UseRealTime()->Unit(benchmark::kMillisecond);
  benchmark::AddCustomContext("peak GFLOP/s", str("f32 ", bench::peak().f32, ", bf16 ", bench::peak().bf16, ", int8 ", bench::peak().int8));
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
