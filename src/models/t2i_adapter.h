// A small network that turns a picture of edges, depth, poses ... into maps that are added to the UNet's way down (Mou et al.
// 2023, "T2I-Adapter"). diffusers adapter.py: FullAdapter, FullAdapterXL, LightAdapter; members carry its names.
#pragma once
#include <optional>
#include <vector>

#include "nn/layers.h"

namespace imagent {

// What the weights cannot tell.
struct T2IAdapterConfig {
  int downscale = 8;                 // side of the squares of pixels that become one
  bool xl = false;                   // made for SDXL: only its third block halves the sides
};

struct AdapterResnetBlock {
  Conv2d block1, block2;

  explicit AdapterResnetBlock(const Weights& w) : block1(w / "block1"), block2(w / "block2") {}
  Tensor operator()(Tensor x) const;
};

struct AdapterBlock {
  bool halves;
  std::optional<Conv2d> in_conv;
  std::vector<AdapterResnetBlock> resnets;
  std::optional<Conv2d> out_conv;    // of a light adapter

  AdapterBlock(const Weights& w, bool halves);
  Tensor operator()(Tensor x) const;
};

struct T2IAdapter {
  T2IAdapterConfig config;
  std::optional<Conv2d> conv_in;     // a light adapter has none
  std::vector<AdapterBlock> body;

  T2IAdapter(const Weights& w, const T2IAdapterConfig& config);

  // Of the picture that it looks at: 1 or 3. Errors: model (another number).
  int picture_channels() const;

  // hint [1,H,W,C] in 0..1, sides multiples of config.downscale -> a map for each level, outermost first.
  std::vector<Tensor> operator()(const Tensor& hint) const;
};

// How strongly each level's map counts; in guess mode weaker the further out, as the web UI's ControlNet extension weighs them.
std::vector<float> adapter_scales(float strength, bool guess, size_t levels);

}  // namespace imagent
