// The tiny autoencoder.
#include "models/taesd.h"

namespace imagent {
namespace {

constexpr int most_layers = 64;
const Epilogue relu{.act = Act::relu, .per_image = {}, .residual = {}};

// The numbered layers that hold weights; activations and changes of size have numbers and none.
std::vector<TinyLayer> layers_of(const Weights& w, bool encodes) {
  std::vector<TinyLayer> layers;
  for (int i = 0; i < most_layers; ++i)
    if (w.has(std::to_string(i))) layers.emplace_back(w / i, encodes);
  check(layers.size() >= 2 && layers.front().conv && layers.back().conv, ErrorKind::model, "the tiny autoencoder should begin and end with a convolution");
  return layers;
}

// factor * x + offset of each of the three colours.
Packed pack_affine(const Weights& w, float factor, float offset) {
  const float matrix[9] = {factor, 0, 0, 0, factor, 0, 0, 0, factor}, bias[3] = {offset, offset, offset};
  return w.backend().pack_linear({DType::f32, {3, 3}, matrix, nullptr}, {DType::f32, {3}, bias, nullptr}, w.compute());
}

}  // namespace

TinyBlock::TinyBlock(const Weights& w) : conv1(w / "conv" / 0), conv2(w / "conv" / 2), conv3(w / "conv" / 4), skip(w.maybe<Linear>("skip")) {}

Tensor TinyBlock::operator()(const Tensor& x) const {
  return unary(conv3(conv2(conv1(x, relu), relu), {.act = Act::none, .per_image = {}, .residual = skip ? (*skip)(x) : x}), Act::relu);
}

TinyLayer::TinyLayer(const Weights& w, bool encodes) {
  if (w.has("conv")) {
    block.emplace(w);
    return;
  }
  resizes = !w.has("bias");
  conv.emplace(w);
  if (resizes && encodes) conv->params.stride = 2;
}

TinyDecoder::TinyDecoder(const Weights& w) : layers(layers_of(w, false)), to_signed(pack_affine(w, 2, -1)) {}

Tensor TinyDecoder::operator()(const Tensor& latents) const {
  constexpr float bound = 3;  // 3 tanh(z / 3) keeps strange latents in the range that the network knows
  const auto scaled = [](float factor, Tensor x) { return axpby(factor, x, 0, x); };
  Tensor x = scaled(bound, unary(scaled(1 / bound, latents), Act::tanh));
  for (size_t i = 0; i < layers.size(); ++i) {
    const TinyLayer& layer = layers[i];
    if (layer.block)
      x = (*layer.block)(x);
    else
      x = (*layer.conv)(layer.resizes ? upsample_nearest(x, 2 * x.dim(1), 2 * x.dim(2)) : x, i == 0 ? relu : Epilogue{});
  }
  return linear(x, to_signed);
}

TinyEncoder::TinyEncoder(const Weights& w) : layers(layers_of(w, true)), to_unit(pack_affine(w, 0.5f, 0.5f)) {}

Tensor TinyEncoder::operator()(const Tensor& picture) const {
  Tensor x = linear(picture, to_unit);
  for (const TinyLayer& layer : layers) x = layer.block ? (*layer.block)(x) : (*layer.conv)(x);
  return x;
}

}  // namespace imagent
