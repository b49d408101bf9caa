// CLIP's image encoder (Radford et al. 2021). transformers modeling_clip.py: CLIPVisionModelWithProjection; members carry its names.
#pragma once
#include "models/clip.h"

namespace imagent {

struct ClipVisionConfig {
  int heads = 16;
  Act act = Act::gelu;
  float layer_norm_eps = 1e-5f;
};

struct ClipVisionOutput {
  Tensor penultimate;                 // [1,T,C] after the last layer but one; the first token stands for the whole picture
  Tensor image_embeds;                // [1,P] the first token after all layers, projected
};

struct ClipVisionModel {
  Tensor class_embedding;             // [C] f32
  Conv2d patch_embedding;
  Embedding position_embedding;
  LayerNorm pre_layrnorm;             // as the checkpoints spell it
  std::vector<ClipLayer> layers;
  LayerNorm post_layernorm;
  Linear visual_projection;

  ClipVisionModel(const Weights& w, const ClipVisionConfig& config);

  // Side of the square pictures that it looks at. Errors: model, when its patches and positions fit no square.
  int image_size() const;

  // pixels [1,S,S,3] as image/clip_pixels.h gives them.
  ClipVisionOutput operator()(const Tensor& pixels) const;
};

}  // namespace imagent
