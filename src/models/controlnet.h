// A network that looks at a picture of edges, depth, poses ... and steers the UNet (Zhang et al. 2023, "Adding Conditional
// Control to Text-to-Image Diffusion Models"). diffusers controlnet.py: ControlNetModel.
#pragma once
#include <span>

#include "models/unet.h"

namespace imagent {

struct ControlNetConditioningEmbedding {
  Conv2d conv_in;
  std::vector<Conv2d> blocks;        // every second one halves the sides
  Conv2d conv_out;

  explicit ControlNetConditioningEmbedding(const Weights& w);
  // The hint [N,8h,8w,3], RGB in 0..1 -> [N,h,w,C]
  Tensor operator()(const Tensor& hint) const;
};

struct ControlNetModel : UNetEncoder {
  ControlNetConditioningEmbedding controlnet_cond_embedding;
  std::vector<Linear> controlnet_down_blocks;  // 1x1 convolutions, zero before training
  Linear controlnet_mid_block;

  ControlNetModel(const Weights& w, const UNetConfig& config);

  size_t residual_count() const { return controlnet_down_blocks.size() + 1; }

  // sample [N,h,w,4], hint [N,h,w,C] as controlnet_cond_embedding gives it; scales: one a residual, the middle's last.
  UNetResiduals operator()(const Tensor& sample, const UNetConditions& conditions, Tensor hint, std::span<const float> scales) const;
};

// How strongly each residual counts in guess mode: weaker the further out, as diffusers or the web UI's ControlNet
// extension (where prompt or ControlNet "is more important") counts.
enum class GuessMode { none, diffusers, webui };
std::vector<float> control_scales(float strength, GuessMode guess, size_t residuals);

}  // namespace imagent
