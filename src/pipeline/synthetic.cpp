// Names and shapes of the real models, by walking their blocks; numbers that keep activations near 1.
#include "pipeline/synthetic.h"

#include <cmath>

#include "base/error.h"

namespace imagent {
namespace {

using Shapes = std::map<std::string, Shape>;

// Makes a tensor when it is asked for: norms are 1 and 0, the rest uniform with the variance of 1/fan_in.
class SyntheticSource : public Source {
 public:
  SyntheticSource(std::string origin, Shapes shapes) : origin_(std::move(origin)), shapes_(std::move(shapes)) {}

  std::optional<TensorView> find(const std::string& name) const override {
    const auto found = shapes_.find(name);
    if (found == shapes_.end()) return std::nullopt;
    const Shape& shape = found->second;
    auto values = std::make_shared<std::vector<uint16_t>>(static_cast<size_t>(shape.numel()));
    fill(name, shape, *values);
    return TensorView{DType::bf16, shape, std::as_bytes(std::span(*values)), values};
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, shape] : shapes_) out.push_back(name);
    return out;
  }
  std::string origin() const override { return origin_; }

 private:
  static void fill(const std::string& name, const Shape& shape, std::vector<uint16_t>& values) {
    if (shape.rank() == 1) {
      const bool scale = name.ends_with("weight");
      std::fill(values.begin(), values.end(), f32_to_bf16(scale ? 1.0f : 0.0f));
      return;
    }
    const float width = std::sqrt(3.0f / static_cast<float>(shape.numel() / shape[0]));
    uint64_t state = std::hash<std::string>()(name) | 1;
    for (size_t i = 0; i < values.size(); i += 4) {  // xorshift64: four 16-bit numbers a word
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      for (size_t j = i; j < std::min(i + 4, values.size()); ++j)
        values[j] = f32_to_bf16((static_cast<float>(state >> 16 * (j - i) & 0xffff) / 32768.0f - 1) * width);
    }
  }

  std::string origin_;
  Shapes shapes_;
};

// Writes names and shapes below a prefix.
struct Builder {
  Shapes& shapes;
  std::string prefix;

  Builder operator/(const auto& name) const { return {shapes, prefix.empty() ? str(name) : str(prefix, ".", name)}; }
  void vector(int64_t size) const { shapes[prefix + ".weight"] = shapes[prefix + ".bias"] = Shape{size}; }
  void linear(int64_t in, int64_t out, bool bias = true) const {
    shapes[prefix + ".weight"] = Shape{out, in};
    if (bias) shapes[prefix + ".bias"] = Shape{out};
  }
  void conv(int64_t in, int64_t out, int64_t kernel = 3) const {
    shapes[prefix + ".weight"] = Shape{out, in, kernel, kernel};
    shapes[prefix + ".bias"] = Shape{out};
  }
  void resnet(int64_t in, int64_t out, int64_t time) const {
    (*this / "norm1").vector(in);
    (*this / "conv1").conv(in, out);
    if (time) (*this / "time_emb_proj").linear(time, out);
    (*this / "norm2").vector(out);
    (*this / "conv2").conv(out, out);
    if (in != out) (*this / "conv_shortcut").conv(in, out, 1);
  }
  void attention(int64_t width, int64_t context, bool bias = false) const {
    (*this / "to_q").linear(width, width, bias);
    (*this / "to_k").linear(context, width, bias);
    (*this / "to_v").linear(context, width, bias);
    (*this / "to_out" / 0).linear(width, width);
  }
  void transformer(int64_t width, int depth, int64_t context) const {
    (*this / "norm").vector(width);
    (*this / "proj_in").linear(width, width);
    (*this / "proj_out").linear(width, width);
    for (int i = 0; i < depth; ++i) {
      const Builder block = *this / "transformer_blocks" / i;
      for (const char* norm : {"norm1", "norm2", "norm3"}) (block / norm).vector(width);
      (block / "attn1").attention(width, width);
      (block / "attn2").attention(width, context);
      (block / "ff" / "net" / 0 / "proj").linear(width, 8 * width);
      (block / "ff" / "net" / 2).linear(4 * width, width);
    }
  }
};

struct UNetShape {
  std::vector<int> widths, depths;  // channels and transformer blocks of each level
  int mid_depth = 1, context = 768, added = 0;
};

Shapes unet_shapes(const UNetShape& u) {
  Shapes shapes;
  const Builder root{shapes, ""};
  const int64_t base = u.widths[0], time = 4 * base;
  const size_t levels = u.widths.size();
  (root / "conv_in").conv(4, base);
  (root / "time_embedding" / "linear_1").linear(base, time);
  (root / "time_embedding" / "linear_2").linear(time, time);
  if (u.added) {
    (root / "add_embedding" / "linear_1").linear(u.added, time);
    (root / "add_embedding" / "linear_2").linear(time, time);
  }
  std::vector<int64_t> skips{base};
  int64_t width = base;
  for (size_t level = 0; level < levels; ++level) {
    const Builder block = root / "down_blocks" / level;
    for (int i = 0; i < 2; ++i) {
      (block / "resnets" / i).resnet(width, u.widths[level], time);
      width = u.widths[level];
      if (u.depths[level]) (block / "attentions" / i).transformer(width, u.depths[level], u.context);
      skips.push_back(width);
    }
    if (level + 1 == levels) continue;
    (block / "downsamplers" / 0 / "conv").conv(width, width);
    skips.push_back(width);
  }
  for (int i = 0; i < 2; ++i) (root / "mid_block" / "resnets" / i).resnet(width, width, time);
  (root / "mid_block" / "attentions" / 0).transformer(width, u.mid_depth, u.context);
  for (size_t up = 0; up < levels; ++up) {
    const size_t level = levels - 1 - up;
    const Builder block = root / "up_blocks" / up;
    for (int i = 0; i < 3; ++i) {
      (block / "resnets" / i).resnet(width + skips.back(), u.widths[level], time);
      skips.pop_back();
      width = u.widths[level];
      if (u.depths[level]) (block / "attentions" / i).transformer(width, u.depths[level], u.context);
    }
    if (level) (block / "upsamplers" / 0 / "conv").conv(width, width);
  }
  (root / "conv_norm_out").vector(base);
  (root / "conv_out").conv(base, 4);
  return shapes;
}

Shapes text_shapes(int layers, int64_t width, int64_t projection) {
  Shapes shapes;
  const Builder root{shapes, "text_model"};
  shapes["text_model.embeddings.token_embedding.weight"] = Shape{49408, width};
  shapes["text_model.embeddings.position_embedding.weight"] = Shape{77, width};
  for (int i = 0; i < layers; ++i) {
    const Builder layer = root / "encoder" / "layers" / i;
    (layer / "layer_norm1").vector(width);
    (layer / "layer_norm2").vector(width);
    for (const char* name : {"q_proj", "k_proj", "v_proj", "out_proj"}) (layer / "self_attn" / name).linear(width, width);
    (layer / "mlp" / "fc1").linear(width, 4 * width);
    (layer / "mlp" / "fc2").linear(4 * width, width);
  }
  (root / "final_layer_norm").vector(width);
  if (projection) (Builder{shapes, ""} / "text_projection").linear(width, projection, false);
  return shapes;
}

Shapes decoder_shapes() {
  Shapes shapes;
  const Builder root{shapes, ""}, decoder = root / "decoder", mid = decoder / "mid_block";
  (root / "post_quant_conv").conv(4, 4, 1);
  (decoder / "conv_in").conv(4, 512);
  for (int i = 0; i < 2; ++i) (mid / "resnets" / i).resnet(512, 512, 0);
  (mid / "attentions" / 0 / "group_norm").vector(512);
  (mid / "attentions" / 0).attention(512, 512, true);
  int64_t width = 512;
  const int64_t widths[] = {512, 512, 256, 128};
  for (int up = 0; up < 4; ++up) {
    for (int i = 0; i < 3; ++i) {
      (decoder / "up_blocks" / up / "resnets" / i).resnet(width, widths[up], 0);
      width = widths[up];
    }
    if (up < 3) (decoder / "up_blocks" / up / "upsamplers" / 0 / "conv").conv(width, width);
  }
  (decoder / "conv_norm_out").vector(128);
  (decoder / "conv_out").conv(128, 3);
  return shapes;
}

std::shared_ptr<const Source> source(const std::string& part, Shapes shapes) {
  return std::make_shared<SyntheticSource>("synthetic " + part, std::move(shapes));
}

}  // namespace

SyntheticModel synthetic_model(const std::string& name) {
  check(name == "sd15" || name == "sdxl", ErrorKind::usage, "there is no synthetic model '", name, "': possible are sd15, sdxl");
  SyntheticModel model;
  model.name = name;
  model.vae = source("vae", decoder_shapes());
  model.text_configs.push_back({.heads = 12});
  if (name == "sd15") {
    model.unet_config.heads = {8, 8, 8, 8};
    model.unet = source("unet", unet_shapes({.widths = {320, 640, 1280, 1280}, .depths = {1, 1, 1, 0}}));
    model.text_encoders = {source("text_encoder", text_shapes(12, 768, 0))};
    return model;
  }
  model.size = 1024;
  model.unet_config.heads = {5, 10, 20};
  model.unet_config.addition_time_embed_dim = 256;
  model.unet_config.sample_size = 128;
  model.vae_config.scaling_factor = 0.13025f;
  model.unet = source("unet", unet_shapes({.widths = {320, 640, 1280}, .depths = {0, 2, 10}, .mid_depth = 10, .context = 2048, .added = 2816}));
  model.text_configs.push_back({.heads = 20, .act = Act::gelu});
  model.text_encoders = {source("text_encoder", text_shapes(12, 768, 0)), source("text_encoder_2", text_shapes(32, 1280, 1280))};
  return model;
}

}  // namespace imagent
