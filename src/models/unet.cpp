// The denoising network: the way up. diffusers unet_2d_condition.py, unet_2d_blocks.py.
#include "models/unet.h"

#include <iterator>

namespace imagent {

template <class UNet, class Visit>
static void visit_transformers(UNet& unet, const Visit& visit) {
  const auto each = [&](auto& block) {
    for (auto& attention : block.attentions)
      for (auto& transformer : attention.transformer_blocks) visit(transformer);
  };
  for (auto& block : unet.down_blocks) each(block);
  for (auto& block : unet.up_blocks) each(block);
  if (unet.mid_block) each(*unet.mid_block);
}

UNet2DConditionModel::UNet2DConditionModel(const Weights& w, const UNetConfig& config)
    : UNetEncoder(w, config),
      up_blocks(unet_blocks(w / "up_blocks", config, true)),
      conv_norm_out(w / "conv_norm_out", config.norm_num_groups, config.norm_eps),
      conv_out(w / "conv_out") {
  size_t number = 0;
  visit_transformers(*this, [&](TransformerBlock& block) { block.number = number++; });
}

std::vector<const Attention*> UNet2DConditionModel::cross_attentions() const {
  std::vector<const Attention*> all;
  visit_transformers(*this, [&](const TransformerBlock& block) { all.push_back(&block.attn2); });
  return all;
}

UNetConditions UNet2DConditionModel::blank_conditions(int64_t rows, int64_t tokens) const {
  const auto zeros = [&](Shape shape) {
    return cast(upload(backend(), shape, std::vector<float>(static_cast<size_t>(shape.numel()))), conv_in.packed.dtype);
  };
  UNetConditions c;
  c.context = zeros({rows, tokens, context_width()});
  c.timesteps.assign(static_cast<size_t>(rows), 500);
  if (add_embedding) {
    constexpr int64_t ids = 6;  // a refiner has 5: its pooled text then counts as one number wider here
    c.text_embeds = zeros({rows, add_embedding->linear_1.packed.in - ids * config.addition_time_embed_dim});
    c.time_ids.assign(static_cast<size_t>(rows * ids), 512);
  }
  if (guidance_width) c.guidance.assign(static_cast<size_t>(rows * guidance_width), 0);
  return c;
}

static void add_residuals(std::vector<Tensor>& skips, std::vector<Tensor> residuals) {
  check(residuals.size() == skips.size(), ErrorKind::usage, "the ControlNet has ", residuals.size(), " outputs on its way down, this model's UNet ",
        skips.size(), ": they are made for different models");
  for (size_t i = 0; i < skips.size(); ++i) skips[i] = std::move(skips[i]) + std::move(residuals[i]);
}

Tensor UNet2DConditionModel::operator()(const Tensor& sample, const UNetConditions& c, UNetResiduals residuals) const {
  Tensor temb = embed_time(sample, c);
  if (c.freeu || !c.images.empty())  // the one computes on the host, the others come in too many shapes
    return predict({sample, temb, Context(c.context, c.images), std::move(residuals), c.freeu});
  const auto from_net = static_cast<ptrdiff_t>(residuals.down.size());
  std::vector<Tensor> inputs{sample, std::move(temb), c.context};
  std::move(residuals.down.begin(), residuals.down.end(), std::back_inserter(inputs));
  if (from_net) inputs.push_back(std::move(residuals.mid));
  std::move(residuals.maps.begin(), residuals.maps.end(), std::back_inserter(inputs));
  const auto call = [&](std::vector<Tensor> in) {
    UNetResiduals given;
    auto next = std::make_move_iterator(in.begin() + 3);
    given.down.assign(next, next + from_net);
    next += from_net;
    if (from_net) given.mid = *next++;
    given.maps.assign(next, std::make_move_iterator(in.end()));
    return std::vector{predict({in[0], in[1], Context(in[2]), std::move(given), {}})};
  };
  return std::move(backend().replay(str("unet ", this, ' ', from_net), std::move(inputs), call).front());
}

Tensor UNet2DConditionModel::predict(Inputs in) const {
  const Tensor &temb = in.temb;
  const Context& context = in.context;
  UNetResiduals& residuals = in.residuals;
  std::vector<Tensor> skips = down(conv_in(in.sample), temb, context, residuals.maps);
  Tensor x = mid(skips.back(), temb, context);
  if (residuals.maps.size() > down_blocks.size()) x = std::move(x) + residuals.maps.back();
  if (!residuals.down.empty()) {
    add_residuals(skips, std::move(residuals.down));
    x = std::move(x) + std::move(residuals.mid);
  }
  for (size_t level = 0; level < up_blocks.size(); ++level) {
    const UNetBlock& block = up_blocks[level];
    for (size_t i = 0; i < block.resnets.size(); ++i) {
      check(!skips.empty(), ErrorKind::model, "unet: the up blocks have more resnets than there are skip connections");
      Tensor skip = std::move(skips.back());
      skips.pop_back();
      if (in.freeu) in.freeu.apply(level, x, skip);
      x = concat_channels(std::array{std::move(x), std::move(skip)});
      x = block.layer(i, std::move(x), temb, context);
    }
    if (block.upsampler) {
      check(!skips.empty(), ErrorKind::model, "unet: an up block has no skip connection to grow to");
      x = (*block.upsampler)(x, skips.back().dim(1), skips.back().dim(2));
    }
  }
  return conv_out(conv_norm_out(std::move(x), Act::silu));
}

}  // namespace imagent
