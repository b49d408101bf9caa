// IP-Adapter. github.com/tencent-ailab/IP-Adapter: ip_adapter/ip_adapter.py, ip_adapter/resampler.py.
#include "models/ip_adapter.h"

#include <array>

namespace imagent {

Tensor ImageProjection::operator()(const Tensor& image_embeds) const {
  const int64_t width = norm.params.gamma.numel();
  const Tensor all = proj(image_embeds);
  check(width > 0 && all.numel() % width == 0, ErrorKind::model, "ip-adapter: ", all.numel(), " values are no tokens of ", width);
  return norm(all.reshape({1, all.numel() / width, width}));
}

Tensor FullImageProjection::operator()(const Tensor& states) const { return proj_3(proj_2(proj_0(states, Act::gelu))); }

PerceiverBlock::PerceiverBlock(const Weights& w)
    : norm1(w / 0 / "norm1"),
      norm2(w / 0 / "norm2"),
      to_q(w / 0 / "to_q"),
      to_k(w / 0 / "to_k"),
      to_v(w / 0 / "to_v"),
      to_out(w / 0 / "to_out"),
      ff_norm(w / 1 / 0),
      ff_in(w / 1 / 1),
      ff_out(w / 1 / 3) {}

Tensor PerceiverBlock::operator()(const Tensor& x, Tensor latents) const {
  constexpr int64_t head_width = 64;
  const Tensor queries = norm2(latents);
  const int64_t width = x.dim(2), count = x.dim(1) + queries.dim(1);
  const std::array parts{norm1(x).reshape({x.dim(1), width}), queries.reshape({queries.dim(1), width})};
  const Tensor all = concat_rows(parts).reshape({1, count, width});
  const Tensor q = to_q(queries);
  check(q.dim(2) > 0 && q.dim(2) % head_width == 0, ErrorKind::model, "ip-adapter: its queries are ", q.dim(2), " wide, a multiple of ", head_width, " is wanted");
  latents = to_out(attention(q, to_k(all), to_v(all), static_cast<int>(q.dim(2) / head_width)), std::move(latents));
  const Tensor inner = ff_in(ff_norm(latents), Act::gelu);
  return ff_out(inner, std::move(latents));
}

Resampler::Resampler(const Weights& w)
    : latents(w.parameter("latents")), proj_in(w / "proj_in"), proj_out(w / "proj_out"), norm_out(w / "norm_out"), layers(w.list<PerceiverBlock>("layers")) {}

Tensor Resampler::operator()(const Tensor& states) const {
  check(latents.rank() == 3 && latents.dim(0) == 1, ErrorKind::model, "ip-adapter: its queries are ", latents.shape(), ", [1,tokens,channels] is wanted");
  const Tensor x = proj_in(states);
  Tensor queries = cast(latents, x.dtype());
  for (const PerceiverBlock& block : layers) queries = block(x, std::move(queries));
  return norm_out(proj_out(queries));
}

static std::variant<ImageProjection, FullImageProjection, Resampler> image_projection(const Weights& w) {
  if (w.has("latents")) return Resampler(w);
  if (w.has("proj.3")) return FullImageProjection(w);
  return ImageProjection(w);
}

// The published files number by processors, of which every second one is a cross attention's: 1, 3, 5 ...
static std::vector<ImageAttention> image_attentions(const Weights& w) {
  std::vector<ImageAttention> all;
  for (int i = 1; w.has(std::to_string(i)); i += 2) all.emplace_back(w / i);
  return all;
}

IpAdapter::IpAdapter(const Weights& w) : image_proj(image_projection(w / "image_proj")), ip_adapter(image_attentions(w / "ip_adapter")) {}

Tensor IpAdapter::tokens(const Tensor& seen) const {
  return std::visit([&](const auto& projection) { return projection(seen); }, image_proj);
}

}  // namespace imagent
