// Enlarging pictures. BasicSR basicsr/archs: rrdbnet_arch.py, srvgg_arch.py, arch_util.py (pixel_unshuffle).
#include "models/esrgan.h"

#include <algorithm>

#include "weights/names_esrgan.h"

namespace imagent {
namespace {

constexpr int64_t rgb_channels = 3;
constexpr float residual_scale = 0.2f;
constexpr size_t most_stages = 3;  // x8
constexpr int64_t most_slopes = 1024;

// A kernel of zeros and ones [out,in,side,side]; side 1 is a matrix.
struct Selection {
  Shape shape;
  std::vector<float> values;

  explicit Selection(Shape shape) : shape(shape), values(static_cast<size_t>(shape.numel())) {}
  Packed pack(const Weights& w) const {
    const HostView view{DType::f32, shape, values.data(), nullptr};
    return shape.rank() == 4 ? w.backend().pack_conv2d(view, {}, w.compute()) : w.backend().pack_linear(view, {}, w.compute());
  }
};

// The side r of squares whose pixels lie as `channels` = 3 r r. 0: there is none.
int square_side(int64_t channels) {
  for (int side = 1; side <= 16; ++side)
    if (channels == rgb_channels * side * side) return side;
  return 0;
}

// Channel (c, i, j) of the result is colour c of the square's pixel in row i and column j.
Packed pack_unshuffle(const Weights& w, int side) {
  Selection selection({rgb_channels * side * side, rgb_channels, side, side});
  for (int64_t c = 0, out = 0; c < rgb_channels; ++c)
    for (int64_t pixel = 0; pixel < side * side; ++pixel, ++out) selection.values[(out * rgb_channels + c) * side * side + pixel] = 1;
  return selection.pack(w);
}

// Channels (c, i, j) -> (j, c) for row i.
Packed pack_shuffle(const Weights& w, int side, int row) {
  const int64_t in = rgb_channels * side * side;
  Selection selection({side * rgb_channels, in});
  for (int64_t j = 0; j < side; ++j)
    for (int64_t c = 0; c < rgb_channels; ++c) selection.values[(j * rgb_channels + c) * in + (c * side + row) * side + j] = 1;
  return selection.pack(w);
}

Packed pack_diagonal(const Weights& w, const std::vector<float>& diagonal) {
  const auto n = static_cast<int64_t>(diagonal.size());
  if (n == 0) return {};  // missing, and noted
  check(n <= most_slopes, ErrorKind::unsupported, "an upscaler with ", n, " channels: at most ", most_slopes, " are known");
  Selection selection({n, n});
  for (int64_t i = 0; i < n; ++i) selection.values[i * n + i] = diagonal[i];
  return selection.pack(w);
}

// max(x, 0) + slope * min(x, 0)
Tensor prelu(Tensor x, const Packed& slope) {
  Tensor positive = unary(Tensor(x), Act::relu);
  const Tensor negative = axpby(1, std::move(x), -1, positive);
  return linear(negative, slope, {Act::none, {}, std::move(positive)});
}

}  // namespace

ResidualDenseBlock::ResidualDenseBlock(const Weights& w) {
  for (int i = 1; i == 1 || w.has(str("conv", i)); ++i) convs.emplace_back(w / str("conv", i));
}

Tensor ResidualDenseBlock::operator()(const Tensor& x) const {
  std::vector<Tensor> seen = {x};
  for (size_t i = 0; i + 1 < convs.size(); ++i) seen.push_back(convs[i](concat_channels(seen), {.act = Act::leaky_relu, .per_image = {}, .residual = {}}));
  const Tensor all = concat_channels(seen);
  seen.clear();
  return axpby(residual_scale, convs.back()(all), 1, x);
}

Tensor Rrdb::operator()(const Tensor& x) const { return axpby(residual_scale, rdb3(rdb2(rdb1(x))), 1, x); }

RrdbNet::RrdbNet(const Weights& w)
    : conv_first(w / "conv_first"), body(w.list<Rrdb>("body")), conv_body(w / "conv_body"), conv_hr(w / "conv_hr"), conv_last(w / "conv_last") {
  for (int i = 1; w.has(str("conv_up", i)); ++i) conv_up.emplace_back(w / str("conv_up", i));
  check(conv_up.size() <= most_stages, ErrorKind::unsupported, "an upscaler with ", conv_up.size(), " enlargements by 2: at most ", most_stages, " are known");
  const int enlargement = 1 << conv_up.size();
  cell = square_side(conv_first.packed.in);
  check(!conv_first.packed || (cell > 0 && cell <= enlargement), ErrorKind::unsupported, "the upscaler's conv_first sees ", conv_first.packed.in,
        " channels: only upscalers of RGB pictures are known");
  if (cell > 1) unshuffle = pack_unshuffle(w, cell);
  scale = enlargement / std::max(cell, 1);
  reach = 4;  // first and last of the trunk; those behind the enlargements reach less than two pixels
  for (const Rrdb& block : body) reach += static_cast<int>(block.rdb1.convs.size() + block.rdb2.convs.size() + block.rdb3.convs.size());
  reach *= cell;
}

Tensor RrdbNet::operator()(const Tensor& rgb) const {
  const Tensor picture = cast(rgb, conv_first.packed.dtype);
  const Tensor first = conv_first(unshuffle ? conv2d(picture, unshuffle, {.stride = cell}) : picture);
  Tensor x = first;
  for (const Rrdb& block : body) x = block(x);
  x = conv_body(x, {.act = Act::none, .per_image = {}, .residual = first});
  const Epilogue leaky{.act = Act::leaky_relu, .per_image = {}, .residual = {}};
  for (const Conv2d& conv : conv_up) x = conv(upsample_nearest(x, 2 * x.dim(1), 2 * x.dim(2)), leaky);
  return cast(conv_last(conv_hr(x, leaky)), DType::f32);
}

SrvggNetCompact::SrvggNetCompact(const Weights& w) {
  const Weights body = w / "body";
  for (int i = 0; i == 0 || body.has(std::to_string(i)); i += 2) {
    if (i > 0) slopes.push_back(pack_diagonal(w, (body / (i - 1)).values("weight")));
    convs.emplace_back(body / i);
  }
  const Packed& last = convs.back().packed;
  scale = square_side(last.out);
  reach = static_cast<int>(convs.size());
  check(!last || (scale > 0 && convs[0].packed.in == rgb_channels), ErrorKind::unsupported, "the upscaler's last convolution gives ", last.out,
        " channels: only upscalers of RGB pictures are known");
  for (int row = 0; row < scale; ++row) shuffle.push_back(pack_shuffle(w, scale, row));
}

Tensor SrvggNetCompact::operator()(const Tensor& rgb) const {
  Tensor x = convs[0](cast(rgb, convs[0].packed.dtype));
  for (size_t i = 1; i < convs.size(); ++i) x = convs[i](prelu(std::move(x), slopes[i - 1]));
  // Rows of the result lie one after another when the parts of a row of pixels are joined as if they were channels.
  const int64_t n = x.dim(0), height = x.dim(1), width = x.dim(2);
  std::vector<Tensor> rows;
  for (const Packed& row : shuffle) rows.push_back(linear(x, row).reshape({n, height, width * scale * rgb_channels}));
  const Tensor detail = cast(concat_channels(rows), DType::f32).reshape({n, height * scale, width * scale, rgb_channels});
  return detail + upsample_nearest(rgb, height * scale, width * scale);
}

std::unique_ptr<const UpscaleNetwork> make_upscale_network(const std::shared_ptr<const Source>& source, Backend& backend, DType compute) {
  const Weights w(rearranged(source, esrgan_names(source->names())), backend, compute);
  std::unique_ptr<UpscaleNetwork> network;
  if (w.has("conv_first"))
    network = std::make_unique<RrdbNet>(w);
  else if (w.has("body.0.weight"))
    network = std::make_unique<SrvggNetCompact>(w);
  else
    fail(ErrorKind::model, source->origin(), " is no upscaler that imagent knows: its tensors are named neither as ESRGAN's nor as those of Real-ESRGAN's compact network");
  w.finish();
  network->packed_bytes = w.packed_bytes();
  return network;
}

}  // namespace imagent
