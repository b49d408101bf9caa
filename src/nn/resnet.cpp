// Residual blocks. diffusers resnet.py: ResnetBlock2D.
#include "nn/resnet.h"

namespace imagent {

ResnetBlock2D::ResnetBlock2D(const Weights& w, int groups, float eps)
    : norm1(w / "norm1", groups, eps),
      norm2(w / "norm2", groups, eps),
      conv1(w / "conv1"),
      conv2(w / "conv2"),
      time_emb_proj(w.maybe<Linear>("time_emb_proj")),
      conv_shortcut(w.maybe<Linear>("conv_shortcut")) {}

Tensor ResnetBlock2D::operator()(Tensor x, const Tensor& temb) const {
  Epilogue with_time;
  if (time_emb_proj) with_time.per_image = (*time_emb_proj)(temb);  // [N,Cout]
  Tensor h = conv1(norm1(x, Act::silu), std::move(with_time));      // [N,H,W,Cout]
  h = norm2(std::move(h), Act::silu);
  if (conv_shortcut) x = (*conv_shortcut)(x);
  return conv2(h, {.act = Act::none, .per_image = {}, .residual = std::move(x)});
}

}  // namespace imagent
