// The picture autoencoder. diffusers autoencoder_kl.py, vae.py, unet_2d_blocks.py.
#include "models/vae.h"

namespace imagent {

constexpr float vae_eps = 1e-6f;

static void add_norms(std::vector<GroupNorm*>& norms, std::vector<ResnetBlock2D>& resnets) {
  for (ResnetBlock2D& resnet : resnets) norms.insert(norms.end(), {&resnet.norm1, &resnet.norm2});
}

template <class Blocks>
static std::vector<GroupNorm*> norms_of(Blocks& blocks, VaeMidBlock& mid_block, GroupNorm& last) {
  std::vector<GroupNorm*> norms = {&last};
  for (auto& block : blocks) add_norms(norms, block.resnets);
  add_norms(norms, mid_block.resnets);
  for (VaeAttention& attention : mid_block.attentions) norms.push_back(&attention.group_norm);
  return norms;
}

VaeAttention::VaeAttention(const Weights& w, int groups)
    : group_norm(w / "group_norm", groups, vae_eps), to_q(w / "to_q"), to_k(w / "to_k"), to_v(w / "to_v"), to_out(w / "to_out" / 0) {}

Tensor VaeAttention::operator()(Tensor x) const {
  const Shape picture = x.shape(), tokens{x.dim(0), x.dim(1) * x.dim(2), x.dim(3)};
  const Tensor t = group_norm(x).reshape(tokens);  // [N,H*W,C]
  return to_out(attention(to_q(t), to_k(t), to_v(t), /*heads=*/1), std::move(x).reshape(tokens)).reshape(picture);
}

VaeMidBlock::VaeMidBlock(const Weights& w, int groups)
    : resnets(w.list<ResnetBlock2D>("resnets", groups, vae_eps)), attentions(w.list<VaeAttention>("attentions", groups)) {
  check(resnets.size() == attentions.size() + 1 || attentions.empty(), ErrorKind::model, "vae: the middle block has ", resnets.size(),
        " resnets and ", attentions.size(), " attentions");
}

Tensor VaeMidBlock::operator()(Tensor x) const {
  for (size_t i = 0; i < resnets.size(); ++i) {
    x = resnets[i](std::move(x), {});
    if (i < attentions.size()) x = attentions[i](std::move(x));
  }
  return x;
}

VaeDecoder::UpBlock::UpBlock(const Weights& w, int groups)
    : resnets(w.list<ResnetBlock2D>("resnets", groups, vae_eps)), upsampler((w / "upsamplers").maybe<Upsample2D>("0")) {}

VaeDecoder::VaeDecoder(const Weights& w, const VaeConfig& config)
    : post_quant_conv(w.maybe<Linear>("post_quant_conv")),
      conv_in(w / "decoder" / "conv_in"),
      mid_block(w / "decoder" / "mid_block", config.norm_num_groups),
      up_blocks((w / "decoder").list<UpBlock>("up_blocks", config.norm_num_groups)),
      conv_norm_out(w / "decoder" / "conv_norm_out", config.norm_num_groups, vae_eps),
      conv_out(w / "decoder" / "conv_out") {}

Tensor VaeDecoder::operator()(const Tensor& latents) const {
  Tensor x = mid_block(conv_in(post_quant_conv ? (*post_quant_conv)(latents) : latents));
  for (const UpBlock& block : up_blocks) {
    for (const ResnetBlock2D& resnet : block.resnets) x = resnet(std::move(x), {});
    if (block.upsampler) x = (*block.upsampler)(x, 2 * x.dim(1), 2 * x.dim(2));
  }
  return conv_out(conv_norm_out(std::move(x), Act::silu));
}

std::vector<GroupNorm*> VaeDecoder::norms() { return norms_of(up_blocks, mid_block, conv_norm_out); }

VaeEncoder::DownBlock::DownBlock(const Weights& w, int groups)
    : resnets(w.list<ResnetBlock2D>("resnets", groups, vae_eps)),
      downsampler((w / "downsamplers").maybe<Downsample2D>("0", Downsample2D::right_bottom)) {}

VaeEncoder::VaeEncoder(const Weights& w, const VaeConfig& config)
    : conv_in(w / "encoder" / "conv_in"),
      down_blocks((w / "encoder").list<DownBlock>("down_blocks", config.norm_num_groups)),
      mid_block(w / "encoder" / "mid_block", config.norm_num_groups),
      conv_norm_out(w / "encoder" / "conv_norm_out", config.norm_num_groups, vae_eps),
      conv_out(w / "encoder" / "conv_out"),
      quant_conv(w.maybe<Linear>("quant_conv")) {}

Tensor VaeEncoder::operator()(const Tensor& picture) const {
  Tensor x = conv_in(picture);
  for (const DownBlock& block : down_blocks) {
    for (const ResnetBlock2D& resnet : block.resnets) x = resnet(std::move(x), {});
    if (block.downsampler) x = (*block.downsampler)(x);
  }
  x = conv_out(conv_norm_out(mid_block(std::move(x)), Act::silu));
  return quant_conv ? (*quant_conv)(x) : x;
}

std::vector<GroupNorm*> VaeEncoder::norms() { return norms_of(down_blocks, mid_block, conv_norm_out); }

}  // namespace imagent
