// Attention over tokens and over pictures. diffusers attention.py, transformer_2d.py; members carry the checkpoint's names.
#pragma once
#include <vector>

#include "nn/layers.h"

namespace imagent {

struct Attention {
  Linear to_q, to_k, to_v, to_out;
  int heads;

  Attention(const Weights& w, int heads) : to_q(w / "to_q"), to_k(w / "to_k"), to_v(w / "to_v"), to_out(w / "to_out" / 0), heads(heads) {}

  // x [N,T,C], context [N,S,D] -> [N,T,C], added to the residual
  Tensor operator()(const Tensor& x, const Tensor& context, Tensor residual) const {
    return to_out(attention(to_q(x), to_k(context), to_v(context), heads), std::move(residual));
  }
};

struct TransformerBlock {
  LayerNorm norm1, norm2, norm3;
  Attention attn1, attn2;
  Linear ff_in, ff_out;

  TransformerBlock(const Weights& w, int heads)
      : norm1(w / "norm1"), norm2(w / "norm2"), norm3(w / "norm3"), attn1(w / "attn1", heads), attn2(w / "attn2", heads),
        ff_in(w / "ff" / "net" / 0 / "proj"), ff_out(w / "ff" / "net" / 2) {}

  // x [N,T,C], context [N,S,D] -> [N,T,C]
  Tensor operator()(Tensor x, const Tensor& context) const {
    Tensor y = norm1(x);
    x = attn1(y, y, std::move(x));
    y = norm2(x);
    x = attn2(y, context, std::move(x));
    y = geglu(ff_in(norm3(x)));
    return ff_out(y, std::move(x));
  }
};

struct SpatialTransformer {
  GroupNorm norm;
  Linear proj_in, proj_out;  // 1x1 convolutions in SD 1.5, linear in SD 2 and XL: the same memory, the same code
  std::vector<TransformerBlock> transformer_blocks;

  SpatialTransformer(const Weights& w, int groups, int heads)
      : norm(w / "norm", groups, 1e-6f), proj_in(w / "proj_in"), proj_out(w / "proj_out"),
        transformer_blocks(w.list<TransformerBlock>("transformer_blocks", heads)) {}

  // x [N,H,W,C], context [N,S,D] -> [N,H,W,C]
  Tensor operator()(Tensor x, const Tensor& context) const {
    const Shape picture = x.shape(), tokens{x.dim(0), x.dim(1) * x.dim(2), x.dim(3)};
    Tensor t = proj_in(norm(x).reshape(tokens));  // [N,H*W,C]: no copy
    for (const TransformerBlock& block : transformer_blocks) t = block(std::move(t), context);
    return proj_out(t, std::move(x).reshape(tokens)).reshape(picture);
  }
};

}  // namespace imagent
