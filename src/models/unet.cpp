// The denoising network. diffusers unet_2d_condition.py, unet_2d_blocks.py.
#include "models/unet.h"

#include "models/embeddings.h"

namespace imagent {
namespace {

template <class T>
std::optional<T> first_of(const Weights& w, std::string_view list, const auto&... args) {
  return (w / list).maybe<T>("0", args...);
}

// An up block sees the levels from the innermost outwards.
std::vector<UNetBlock> build_blocks(const Weights& w, const UNetConfig& config, bool upwards) {
  std::vector<UNetBlock> blocks;
  const auto levels = static_cast<int>(config.heads.size());
  for (int i = 0; w.has(std::to_string(i)); ++i) {
    check(i < levels, ErrorKind::model, "unet: the checkpoint has more blocks than config.json's ", levels);
    blocks.emplace_back(w / i, config, config.heads[upwards ? levels - 1 - i : i]);
  }
  return blocks;
}

Tensor upload_as(const Tensor& like, Shape shape, std::span<const float> values) {
  return cast(upload(like.backend(), shape, values), like.dtype());
}

}  // namespace

UNetBlock::UNetBlock(const Weights& w, const UNetConfig& config, int heads)
    : resnets(w.list<ResnetBlock2D>("resnets", config.norm_num_groups, config.norm_eps)),
      attentions(w.list<SpatialTransformer>("attentions", config.norm_num_groups, heads)),
      downsampler(first_of<Downsample2D>(w, "downsamplers", Downsample2D::symmetric)),
      upsampler(first_of<Upsample2D>(w, "upsamplers")) {
  check(attentions.empty() || attentions.size() == resnets.size(), ErrorKind::model, "unet: a block has ", resnets.size(), " resnets and ",
        attentions.size(), " attentions");
}

UNetMidBlock::UNetMidBlock(const Weights& w, const UNetConfig& config, int heads)
    : resnets(w.list<ResnetBlock2D>("resnets", config.norm_num_groups, config.norm_eps)),
      attentions(w.list<SpatialTransformer>("attentions", config.norm_num_groups, heads)) {
  check(resnets.size() == attentions.size() + 1, ErrorKind::model, "unet: the middle block has ", resnets.size(), " resnets and ", attentions.size(),
        " attentions");
}

Tensor UNetMidBlock::operator()(Tensor x, const Tensor& temb, const Tensor& context) const {
  x = resnets[0](std::move(x), temb);
  for (size_t i = 0; i < attentions.size(); ++i) {
    x = attentions[i](std::move(x), context);
    x = resnets[i + 1](std::move(x), temb);
  }
  return x;
}

TimestepEmbedding::TimestepEmbedding(const Weights& w)
    : linear_1(w / "linear_1"), linear_2(w / "linear_2"), cond_proj(w.maybe<Linear>("cond_proj")) {}

Tensor TimestepEmbedding::operator()(Tensor x, const Tensor& cond) const {
  if (cond_proj && cond) x = (*cond_proj)(cond, std::move(x));
  return linear_2(linear_1(x, Act::silu));
}

UNet2DConditionModel::UNet2DConditionModel(const Weights& w, const UNetConfig& config)
    : config(config),
      conv_in(w / "conv_in"),
      time_embedding(w / "time_embedding"),
      add_embedding(w.maybe<TimestepEmbedding>("add_embedding")),
      down_blocks(build_blocks(w / "down_blocks", config, false)),
      mid_block(w.maybe<UNetMidBlock>("mid_block", config, config.heads.back())),
      up_blocks(build_blocks(w / "up_blocks", config, true)),
      conv_norm_out(w / "conv_norm_out", config.norm_num_groups, config.norm_eps),
      conv_out(w / "conv_out") {
  if (time_embedding.cond_proj) guidance_width = time_embedding.cond_proj->packed.in;
}

int64_t UNet2DConditionModel::context_width() const {
  for (const auto* blocks : {&down_blocks, &up_blocks})
    for (const UNetBlock& block : *blocks)
      if (!block.attentions.empty() && !block.attentions[0].transformer_blocks.empty())
        return block.attentions[0].transformer_blocks[0].attn2.to_k.packed.in;
  fail(ErrorKind::unsupported, "unet: no block of it looks at the text");
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

Tensor UNet2DConditionModel::embed_time(const Tensor& sample, const UNetConditions& c) const {
  const int64_t n = sample.dim(0);
  check(static_cast<int64_t>(c.timesteps.size()) == n, "unet: ", c.timesteps.size(), " timesteps for ", n, " latents");
  const auto width = static_cast<int>(time_embedding.linear_1.packed.in);
  const auto sinusoid = sinusoidal_embedding(c.timesteps, {.width = width, .flip_sin_to_cos = config.flip_sin_to_cos, .freq_shift = config.freq_shift});
  const Tensor guidance = c.guidance.empty() ? Tensor() : upload_as(sample, {n, guidance_width}, c.guidance);
  Tensor embedding = time_embedding(upload_as(sample, {n, width}, sinusoid), guidance);  // [N,T]
  if (add_embedding) {
    check(c.text_embeds && !c.time_ids.empty(), "unet: this model wants the pooled text and the size numbers of SDXL");
    const auto ids = sinusoidal_embedding(
        c.time_ids, {.width = config.addition_time_embed_dim, .flip_sin_to_cos = config.flip_sin_to_cos, .freq_shift = config.freq_shift});
    const std::array parts{c.text_embeds, upload_as(sample, {n, static_cast<int64_t>(ids.size()) / n}, ids)};
    embedding = std::move(embedding) + (*add_embedding)(concat_channels(parts));
  }
  return unary(std::move(embedding), Act::silu);
}

Tensor UNet2DConditionModel::operator()(const Tensor& sample, const UNetConditions& c) const {
  const Tensor temb = embed_time(sample, c);
  Tensor x = conv_in(sample);
  std::vector<Tensor> skips{x};
  for (const UNetBlock& block : down_blocks) {
    for (size_t i = 0; i < block.resnets.size(); ++i) {
      x = block.resnets[i](std::move(x), temb);
      if (!block.attentions.empty()) x = block.attentions[i](std::move(x), c.context);
      skips.push_back(x);
    }
    if (block.downsampler) skips.push_back(x = (*block.downsampler)(x));
  }
  if (mid_block) x = (*mid_block)(std::move(x), temb, c.context);
  for (const UNetBlock& block : up_blocks) {
    for (size_t i = 0; i < block.resnets.size(); ++i) {
      check(!skips.empty(), ErrorKind::model, "unet: the up blocks have more resnets than there are skip connections");
      x = concat_channels(std::array{std::move(x), std::move(skips.back())});
      skips.pop_back();
      x = block.resnets[i](std::move(x), temb);
      if (!block.attentions.empty()) x = block.attentions[i](std::move(x), c.context);
    }
    if (block.upsampler) {
      check(!skips.empty(), ErrorKind::model, "unet: an up block has no skip connection to grow to");
      x = (*block.upsampler)(x, skips.back().dim(1), skips.back().dim(2));
    }
  }
  return conv_out(conv_norm_out(std::move(x), Act::silu));
}

}  // namespace imagent
