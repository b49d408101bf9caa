// The way down and the middle. diffusers unet_2d_condition.py, unet_2d_blocks.py.
#include "models/unet_encoder.h"

#include "models/embeddings.h"

namespace imagent {
namespace {

template <class T>
std::optional<T> first_of(const Weights& w, std::string_view list, const auto&... args) {
  return (w / list).maybe<T>("0", args...);
}

Tensor upload_as(const Tensor& like, Shape shape, std::span<const float> values) {
  return cast(upload(like.backend(), shape, values), like.dtype());
}

}  // namespace

std::vector<UNetBlock> unet_blocks(const Weights& w, const UNetConfig& config, bool upwards) {
  std::vector<UNetBlock> blocks;
  const auto levels = static_cast<int>(config.heads.size());
  for (int i = 0; w.has(std::to_string(i)); ++i) {
    check(i < levels, ErrorKind::model, "unet: the checkpoint has more blocks than config.json's ", levels);
    blocks.emplace_back(w / i, config, config.heads[upwards ? levels - 1 - i : i]);
  }
  return blocks;
}

UNetBlock::UNetBlock(const Weights& w, const UNetConfig& config, int heads)
    : resnets(w.list<ResnetBlock2D>("resnets", config.norm_num_groups, config.norm_eps)),
      attentions(w.list<SpatialTransformer>("attentions", config.norm_num_groups, heads)),
      downsampler(first_of<Downsample2D>(w, "downsamplers", Downsample2D::symmetric)),
      upsampler(first_of<Upsample2D>(w, "upsamplers")) {
  check(attentions.empty() || attentions.size() == resnets.size(), ErrorKind::model, "unet: a block has ", resnets.size(), " resnets and ",
        attentions.size(), " attentions");
}

Tensor UNetBlock::layer(size_t i, Tensor x, const Tensor& temb, const Context& context) const {
  x = resnets[i](std::move(x), temb);
  return attentions.empty() ? x : attentions[i](std::move(x), context);
}

UNetMidBlock::UNetMidBlock(const Weights& w, const UNetConfig& config, int heads)
    : resnets(w.list<ResnetBlock2D>("resnets", config.norm_num_groups, config.norm_eps)),
      attentions(w.list<SpatialTransformer>("attentions", config.norm_num_groups, heads)) {
  check(resnets.size() == attentions.size() + 1, ErrorKind::model, "unet: the middle block has ", resnets.size(), " resnets and ", attentions.size(),
        " attentions");
}

Tensor UNetMidBlock::operator()(Tensor x, const Tensor& temb, const Context& context) const {
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

UNetEncoder::UNetEncoder(const Weights& w, const UNetConfig& config)
    : config(config),
      conv_in(w / "conv_in"),
      time_embedding(w / "time_embedding"),
      add_embedding(w.maybe<TimestepEmbedding>("add_embedding")),
      down_blocks(unet_blocks(w / "down_blocks", config, false)),
      mid_block(w.maybe<UNetMidBlock>("mid_block", config, config.heads.back())) {
  if (time_embedding.cond_proj) guidance_width = time_embedding.cond_proj->packed.in;
}

int64_t UNetEncoder::context_width() const {
  std::vector<const std::vector<SpatialTransformer>*> lists;
  for (const UNetBlock& block : down_blocks) lists.push_back(&block.attentions);
  if (mid_block) lists.push_back(&mid_block->attentions);
  for (const auto* attentions : lists)
    if (!attentions->empty() && !attentions->front().transformer_blocks.empty()) return attentions->front().transformer_blocks[0].attn2.to_k.packed.in;
  fail(ErrorKind::unsupported, "unet: neither its way down nor its middle looks at the text");
}

Tensor UNetEncoder::embed_time(const Tensor& sample, const UNetConditions& c) const {
  const int64_t n = sample.dim(0);
  check(static_cast<int64_t>(c.timesteps.size()) == n, "unet: ", c.timesteps.size(), " timesteps for ", n, " latents");
  const auto width = static_cast<int>(time_embedding.linear_1.packed.in);
  const auto sinusoid = sinusoidal_embedding(c.timesteps, {.width = width, .flip_sin_to_cos = config.flip_sin_to_cos, .freq_shift = config.freq_shift});
  const Tensor guidance = c.guidance.empty() || guidance_width == 0 ? Tensor() : upload_as(sample, {n, guidance_width}, c.guidance);
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

std::vector<Tensor> UNetEncoder::down(Tensor x, const Tensor& temb, const Context& context, std::span<const Tensor> maps) const {
  std::vector<Tensor> outputs{x};
  for (size_t level = 0; level < down_blocks.size(); ++level) {
    const UNetBlock& block = down_blocks[level];
    const auto add_map = [&] {
      if (level < maps.size()) outputs.back() = x = std::move(x) + maps[level];
    };
    for (size_t i = 0; i < block.resnets.size(); ++i) outputs.push_back(x = block.layer(i, std::move(x), temb, context));
    if (!block.attentions.empty()) add_map();
    if (block.downsampler) outputs.push_back(x = (*block.downsampler)(x));
    if (block.attentions.empty()) add_map();
  }
  return outputs;
}

std::vector<Shape> UNetEncoder::level_shapes(int64_t height, int64_t width) const {
  std::vector<Shape> shapes;
  int64_t channels = 0;
  for (const UNetBlock& block : down_blocks) {
    if (!block.resnets.empty()) channels = block.resnets.back().conv2.packed.out;
    const Shape before{height, width, channels};
    if (block.downsampler) height = (height + 1) / 2, width = (width + 1) / 2;
    shapes.push_back(block.attentions.empty() ? Shape{height, width, channels} : before);
  }
  shapes.push_back({height, width, channels});
  return shapes;
}

Tensor UNetEncoder::mid(Tensor x, const Tensor& temb, const Context& context) const {
  return mid_block ? (*mid_block)(std::move(x), temb, context) : x;
}

}  // namespace imagent
