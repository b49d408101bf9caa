// T2I-Adapter. diffusers adapter.py. Its changes of size are computed on the host: they happen once a run.
#include "models/t2i_adapter.h"

#include <algorithm>

namespace imagent {
namespace {

struct Sides {
  int64_t height, width, channels;
  size_t at(int64_t y, int64_t x, int64_t c) const { return static_cast<size_t>((y * width + x) * channels + c); }
};

Tensor upload_like(const Tensor& x, const Sides& sides, std::span<const float> values) {
  return cast(upload(x.backend(), {1, sides.height, sides.width, sides.channels}, values), x.dtype());
}

// [1,H,W,C] -> [1,H/f,W/f,C*f*f] in the order of torch.nn.PixelUnshuffle: channel, row, column.
Tensor pixel_unshuffle(const Tensor& x, int64_t factor) {
  const Sides from{x.dim(1), x.dim(2), x.dim(3)}, to{from.height / factor, from.width / factor, from.channels * factor * factor};
  const std::vector<float> pixels = download(x);
  std::vector<float> out(pixels.size());
  for (int64_t row = 0; row < from.height; ++row)
    for (int64_t column = 0; column < from.width; ++column)
      for (int64_t c = 0; c < from.channels; ++c)
        out[to.at(row / factor, column / factor, (c * factor + row % factor) * factor + column % factor)] = pixels[from.at(row, column, c)];
  return upload_like(x, to, out);
}

// Means of squares of 2x2; at odd sides the last ones are smaller. torch.nn.AvgPool2d(2, 2, ceil_mode=True).
Tensor average_pool(const Tensor& x) {
  const Sides from{x.dim(1), x.dim(2), x.dim(3)}, to{(from.height + 1) / 2, (from.width + 1) / 2, from.channels};
  const std::vector<float> values = download(x);
  std::vector<float> out(static_cast<size_t>(to.height * to.width * to.channels));
  for (int64_t row = 0; row < to.height; ++row)
    for (int64_t column = 0; column < to.width; ++column) {
      const int64_t bottom = std::min(2 * row + 2, from.height), right = std::min(2 * column + 2, from.width);
      const auto count = static_cast<float>((bottom - 2 * row) * (right - 2 * column));
      for (int64_t c = 0; c < to.channels; ++c) {
        float sum = 0;
        for (int64_t y = 2 * row; y < bottom; ++y)
          for (int64_t z = 2 * column; z < right; ++z) sum += values[from.at(y, z, c)];
        out[to.at(row, column, c)] = sum / count;
      }
    }
  return upload_like(x, to, out);
}

std::vector<AdapterBlock> adapter_blocks(const Weights& w, bool xl) {
  std::vector<AdapterBlock> blocks;
  for (int i = 0; w.has(std::to_string(i)); ++i) blocks.emplace_back(w / i, xl ? i == 2 : i > 0);
  return blocks;
}

}  // namespace

Tensor AdapterResnetBlock::operator()(Tensor x) const {
  const Tensor h = block1(x, {Act::relu, {}, {}});
  return block2(h, {Act::none, {}, std::move(x)});
}

AdapterBlock::AdapterBlock(const Weights& w, bool halves)
    : halves(halves), in_conv(w.maybe<Conv2d>("in_conv")), resnets(w.list<AdapterResnetBlock>("resnets")), out_conv(w.maybe<Conv2d>("out_conv")) {}

Tensor AdapterBlock::operator()(Tensor x) const {
  if (halves) x = average_pool(x);
  if (in_conv) x = (*in_conv)(x);
  for (const AdapterResnetBlock& resnet : resnets) x = resnet(std::move(x));
  return out_conv ? (*out_conv)(x) : x;
}

T2IAdapter::T2IAdapter(const Weights& w, const T2IAdapterConfig& config)
    : config(config), conv_in(w.maybe<Conv2d>("conv_in")), body(adapter_blocks(w / "body", config.xl)) {}

int T2IAdapter::picture_channels() const {
  const int64_t pixels = int64_t{config.downscale} * config.downscale;
  const int64_t in = conv_in ? conv_in->packed.in : !body.empty() && body[0].in_conv ? body[0].in_conv->packed.in : 0;
  check(in == pixels || in == 3 * pixels, ErrorKind::model, "t2i-adapter: it takes ", in, " values for each square of ", config.downscale, "x", config.downscale,
        " pixels, grey and coloured pictures have ", pixels, " and ", 3 * pixels);
  return static_cast<int>(in / pixels);
}

std::vector<Tensor> T2IAdapter::operator()(const Tensor& hint) const {
  check(hint.dim(0) == 1 && hint.dim(1) % config.downscale == 0 && hint.dim(2) % config.downscale == 0, "t2i-adapter: the hint is ", hint.shape());
  Tensor x = pixel_unshuffle(hint, config.downscale);
  if (conv_in) x = (*conv_in)(x);
  std::vector<Tensor> maps;
  for (const AdapterBlock& block : body) maps.push_back(x = block(std::move(x)));
  return maps;
}

std::vector<float> adapter_scales(float strength, bool guess, size_t levels) {
  constexpr float outer[] = {0.25f, 0.62f, 0.825f, 1};  // scripts/hook.py of sd-webui-controlnet
  std::vector<float> scales(levels, strength);
  for (size_t i = 0; guess && i < levels; ++i) scales[i] *= outer[std::min<size_t>(i + std::size(outer) - std::min(levels, std::size(outer)), std::size(outer) - 1)];
  return scales;
}

}  // namespace imagent
