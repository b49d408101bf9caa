// Networks that enlarge pictures: ESRGAN's (Wang et al. 2018) and Real-ESRGAN's compact one (Wang et al. 2021).
// github.com/XPixelGroup/BasicSR basicsr/archs: rrdbnet_arch.py, srvgg_arch.py; members carry their names.
#pragma once
#include <memory>
#include <vector>

#include "nn/layers.h"

namespace imagent {

struct ResidualDenseBlock {
  std::vector<Conv2d> convs;  // each sees the input and the results of all before it

  explicit ResidualDenseBlock(const Weights& w);
  Tensor operator()(const Tensor& x) const;  // [N,H,W,C]
};

struct Rrdb {
  ResidualDenseBlock rdb1, rdb2, rdb3;

  explicit Rrdb(const Weights& w) : rdb1(w / "rdb1"), rdb2(w / "rdb2"), rdb3(w / "rdb3") {}
  Tensor operator()(const Tensor& x) const;
};

// What the two have in common.
struct UpscaleNetwork {
  int scale = 1;            // an output pixel's size in pixels of the input is 1 / scale
  int cell = 1;             // side of the squares that it sees as one pixel
  int reach = 0;            // pixels of the input on each side that an output pixel depends on
  size_t packed_bytes = 0;  // of its weights

  virtual ~UpscaleNetwork() = default;
  // rgb [N,H,W,3] f32 in [0,1], sides multiples of `cell` -> [N,scale*H,scale*W,3] f32, not clamped
  virtual Tensor operator()(const Tensor& rgb) const = 0;
};

struct RrdbNet : UpscaleNetwork {
  Conv2d conv_first;
  std::vector<Rrdb> body;
  Conv2d conv_body;
  std::vector<Conv2d> conv_up;  // each behind an enlargement by 2
  Conv2d conv_hr, conv_last;
  Packed unshuffle;             // the pixels of a cell to channels; empty when a cell is one pixel

  explicit RrdbNet(const Weights& w);
  Tensor operator()(const Tensor& rgb) const override;
};

struct SrvggNetCompact : UpscaleNetwork {
  std::vector<Conv2d> convs;
  std::vector<Packed> slopes;   // of the PReLU between them, as diagonal matrices
  std::vector<Packed> shuffle;  // for each row of a pixel's square: channels in the order of that row's pixels

  explicit SrvggNetCompact(const Weights& w);
  Tensor operator()(const Tensor& rgb) const override;
};

// `source`: a file in any of the namings. Errors: model or unsupported, when it is none of the two or is damaged.
std::unique_ptr<const UpscaleNetwork> make_upscale_network(const std::shared_ptr<const Source>& source, Backend& backend, DType compute);

}  // namespace imagent
