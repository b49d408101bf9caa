// CLIP's image encoder. transformers modeling_clip.py: CLIPVisionEmbeddings, CLIPVisionModel.
#include "models/clip_vision.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace imagent {

static Conv2d patches(const Weights& w) {
  const Shape kernel = w.shape("weight");
  return Conv2d(w, Conv2dParams{.stride = kernel.rank() == 4 ? static_cast<int>(kernel[2]) : 1});
}

ClipVisionModel::ClipVisionModel(const Weights& w, const ClipVisionConfig& config)
    : class_embedding((w / "vision_model" / "embeddings").parameter("class_embedding")),
      patch_embedding(patches(w / "vision_model" / "embeddings" / "patch_embedding")),
      position_embedding(w / "vision_model" / "embeddings" / "position_embedding"),
      pre_layrnorm(w / "vision_model" / "pre_layrnorm", config.layer_norm_eps),
      layers((w / "vision_model" / "encoder").list<ClipLayer>("layers", ClipLayerConfig{config.heads, config.act, config.layer_norm_eps, /*causal=*/false})),
      post_layernorm(w / "vision_model" / "post_layernorm", config.layer_norm_eps),
      visual_projection(w / "visual_projection") {}

int ClipVisionModel::image_size() const {
  const int64_t places = position_embedding.table.in - 1, patch = patch_embedding.packed.kernel_h;
  const auto side = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(std::max<int64_t>(places, 0)))));
  check(side > 0 && side * side == places && patch_embedding.packed.kernel_w == patch && patch_embedding.packed.in == 3 && side * patch <= 4096, ErrorKind::model,
        "the image encoder has ", places, " places for patches of ", patch, "x", patch_embedding.packed.kernel_w, " pixels and ", patch_embedding.packed.in,
        " channels: a square of coloured ones is wanted");
  return static_cast<int>(side * patch);
}

ClipVisionOutput ClipVisionModel::operator()(const Tensor& pixels) const {
  check(!layers.empty(), ErrorKind::model, "the image encoder has no layers");
  const Tensor patches = patch_embedding(pixels);  // [1,n,n,C]
  const int64_t count = patches.dim(1) * patches.dim(2), width = patches.dim(3);
  check(count + 1 == position_embedding.table.in && class_embedding.numel() == width, "image encoder: pixels ", pixels.shape());
  const std::array parts{cast(class_embedding, patches.dtype()).reshape({1, width}), patches.reshape({count, width})};
  std::vector<int32_t> places(static_cast<size_t>(count + 1));
  std::iota(places.begin(), places.end(), 0);
  const Shape tokens{1, count + 1, width};
  Tensor x = concat_rows(parts).reshape(tokens) + embed(pixels.backend(), places, position_embedding.table, tokens);
  x = pre_layrnorm(std::move(x));

  ClipVisionOutput out;
  for (const ClipLayer& layer : layers) {
    out.penultimate = x;
    x = layer(std::move(x));
  }
  const Tensor first = x.reshape({count + 1, width}).rows(0, 1);  // [1,C]
  out.image_embeds = visual_projection(post_layernorm(first));
  return out;
}

}  // namespace imagent
