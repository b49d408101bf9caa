// Attention over tokens and over pictures. diffusers attention.py, transformer_2d.py; members carry the checkpoint's names.
#pragma once
#include <span>
#include <vector>

#include "nn/layers.h"
#include "nn/region.h"

namespace imagent {

// A picture as cross attention reads it beside the text (IP-Adapter; Ye et al. 2023): keys and values for each cross attention
// of the UNet, by its TransformerBlock::number.
struct ImageKeys {
  std::vector<Tensor> keys, values;  // [N,S,C] each, C the layer's width
  std::vector<Tensor> regions{};     // as in_region() takes them
};

// What transformers look at besides their own tokens.
struct Context {
  Tensor text;                       // [N,S,D]
  std::span<const ImageKeys> images;

  Context(Tensor text, std::span<const ImageKeys> images = {}) : text(std::move(text)), images(images) {}
};

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
  size_t number = 0;                 // of attn2 among the UNet's

  TransformerBlock(const Weights& w, int heads)
      : norm1(w / "norm1"), norm2(w / "norm2"), norm3(w / "norm3"), attn1(w / "attn1", heads), attn2(w / "attn2", heads),
        ff_in(w / "ff" / "net" / 0 / "proj"), ff_out(w / "ff" / "net" / 2) {}

  // y [N,T,C] -> [N,T,C]: what it sees in the text, plus what it sees in each picture.
  Tensor look(const Tensor& y, const Context& context) const {
    const Tensor q = attn2.to_q(y);
    Tensor seen = attention(q, attn2.to_k(context.text), attn2.to_v(context.text), attn2.heads);
    for (const ImageKeys& image : context.images)
      seen = std::move(seen) + in_region(attention(q, image.keys[number], image.values[number], attn2.heads), image.regions);
    return seen;
  }

  // x [N,T,C] -> [N,T,C]
  Tensor operator()(Tensor x, const Context& context) const {
    Tensor y = norm1(x);
    x = attn1(y, y, std::move(x));
    y = look(norm2(x), context);
    x = attn2.to_out(y, std::move(x));
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

  // x [N,H,W,C] -> [N,H,W,C]
  Tensor operator()(Tensor x, const Context& context) const {
    const Shape picture = x.shape(), tokens{x.dim(0), x.dim(1) * x.dim(2), x.dim(3)};
    Tensor t = proj_in(norm(x).reshape(tokens));  // [N,H*W,C]: no copy
    for (const TransformerBlock& block : transformer_blocks) t = block(std::move(t), context);
    return proj_out(t, std::move(x).reshape(tokens)).reshape(picture);
  }
};

}  // namespace imagent
