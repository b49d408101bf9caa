// ControlNet. diffusers controlnet.py: ControlNetConditioningEmbedding, ControlNetModel.
#include "models/controlnet.h"

#include <cmath>

namespace imagent {

static std::vector<Conv2d> embedding_blocks(const Weights& w) {
  constexpr Conv2dParams halving{2, 1, 1, 1, 1};
  std::vector<Conv2d> blocks;
  for (int i = 0; w.has(std::to_string(i)); ++i) blocks.emplace_back(w / i, i % 2 ? halving : Conv2dParams::same(3));
  return blocks;
}

ControlNetConditioningEmbedding::ControlNetConditioningEmbedding(const Weights& w)
    : conv_in(w / "conv_in"), blocks(embedding_blocks(w / "blocks")), conv_out(w / "conv_out") {}

Tensor ControlNetConditioningEmbedding::operator()(const Tensor& hint) const {
  Tensor x = conv_in(hint, {Act::silu, {}, {}});
  for (const Conv2d& block : blocks) x = block(x, {Act::silu, {}, {}});
  return conv_out(x);
}

ControlNetModel::ControlNetModel(const Weights& w, const UNetConfig& config)
    : UNetEncoder(w, config),
      controlnet_cond_embedding(w / "controlnet_cond_embedding"),
      controlnet_down_blocks(w.list<Linear>("controlnet_down_blocks")),
      controlnet_mid_block(w / "controlnet_mid_block") {}

static Tensor scaled(Tensor x, float scale) { return scale == 1 ? x : axpby(scale, x, 0, x); }

UNetResiduals ControlNetModel::operator()(const Tensor& sample, const UNetConditions& c, Tensor hint, std::span<const float> scales) const {
  check(scales.size() == residual_count(), "controlnet: ", scales.size(), " scales for ", residual_count(), " residuals");
  const auto call = [&](std::vector<Tensor> in) {
    const Tensor temb = std::move(in[1]);
    const Context context(std::move(in[2]));
    std::vector<Tensor> outputs = down(conv_in(in[0], {Act::none, {}, std::move(in[3])}), temb, context);
    check(outputs.size() == controlnet_down_blocks.size(), ErrorKind::model, "controlnet: ", controlnet_down_blocks.size(), " controlnet_down_blocks for ",
          outputs.size(), " outputs on the way down");
    const Tensor x = mid(outputs.back(), temb, context);
    for (size_t i = 0; i < outputs.size(); ++i) outputs[i] = controlnet_down_blocks[i](outputs[i]);
    outputs.push_back(controlnet_mid_block(x));
    return outputs;
  };
  UNetResiduals residuals{sample.backend().replay(str("controlnet ", this), {sample, embed_time(sample, c), c.context, std::move(hint)}, call), {}, {}};
  for (size_t i = 0; i < scales.size(); ++i) residuals.down[i] = scaled(std::move(residuals.down[i]), scales[i]);
  residuals.mid = std::move(residuals.down.back());
  residuals.down.pop_back();
  return residuals;
}

std::vector<float> control_scales(float strength, GuessMode guess, size_t residuals) {
  constexpr double webui_decay = 0.825;
  constexpr int webui_residuals = 13;  // SD 1.5's number; a list made for it holds for SDXL's ten, too
  std::vector<float> scales(residuals, strength);
  for (size_t i = 0; i < residuals; ++i) {
    if (guess == GuessMode::diffusers) scales[i] *= static_cast<float>(std::pow(10.0, residuals > 1 ? -1 + static_cast<double>(i) / static_cast<double>(residuals - 1) : 0));
    if (guess == GuessMode::webui) scales[i] *= static_cast<float>(std::pow(webui_decay, webui_residuals - 1 - static_cast<int>(i)));
  }
  return scales;
}

}  // namespace imagent
