// The denoising network of latent diffusion (Rombach et al. 2022). diffusers unet_2d_condition.py: UNet2DConditionModel.
#pragma once
#include "models/unet_encoder.h"

namespace imagent {

// What is added to the UNet: a ControlNet's answer to the outputs of the way down and of the middle before the way up reads
// them, a T2I-Adapter's maps to the way down itself.
struct UNetResiduals {
  std::vector<Tensor> down;          // one for each of UNetEncoder::down's, or none
  Tensor mid;                        // with `down`
  std::vector<Tensor> maps;          // as UNetEncoder::level_shapes(), or without the middle's, or none

  explicit operator bool() const { return !down.empty() || !maps.empty(); }
};

struct UNet2DConditionModel : UNetEncoder {
  std::vector<UNetBlock> up_blocks;
  GroupNorm conv_norm_out;
  Conv2d conv_out;

  UNet2DConditionModel(const Weights& w, const UNetConfig& config);

  // sample [N,h,w,Cin] in the compute dtype -> [N,h,w,Cout]: eps, v or x0, as it was trained.
  Tensor operator()(const Tensor& sample, const UNetConditions& conditions, UNetResiduals residuals = {}) const;

  // All that look at the context, in the order of diffusers' attn_processors: down, up, middle. Theirs are the numbers of
  // their TransformerBlocks.
  std::vector<const Attention*> cross_attentions() const;

  Backend& backend() const { return conv_norm_out.params.gamma.backend(); }

  // Conditions of the right shapes, for measuring time or memory.
  UNetConditions blank_conditions(int64_t rows, int64_t tokens) const;

 private:
  struct Inputs {
    const Tensor &sample, &temb;
    const Context& context;
    UNetResiduals residuals;
    FreeU freeu;
  };
  Tensor predict(Inputs in) const;
};

}  // namespace imagent
