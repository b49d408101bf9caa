// Single operations on awkward shapes against PyTorch: golden/components/ops.
#include <cmath>

#include "models/embeddings.h"
#include "support/devices.h"

namespace imagent::test {
namespace {

struct GoldenOps : OnEveryBackend {
  using Case = nlohmann::json;

  // README: 5 * err64 + 1e-6 * out_absmax, but for two cases whose truth is ill-conditioned.
  static double limit(const Case& c) {
    const std::string file = c["file"];
    if (file.find("group_norm.large_mean") != std::string::npos) return 1e-3;
    if (file.find("group_norm.one_element_groups") != std::string::npos) return 2e-4;
    return 5 * c["err64"].get<double>() + 1e-6 * c["out_absmax"].get<double>();
  }

  std::vector<float> run(const Case& c, const Arrays& a) {
    Backend& b = device();
    const std::string op = c["op"];
    if (op.starts_with("conv2d")) return convolve(c, a);
    if (op == "linear" || op == "geglu") {
      const Packed w = b.pack_linear(host_view(a["weight"]), host_view(a["bias"]), DType::f32);
      const Tensor y = linear(test::upload(b, a["x"]), w);
      return download(op == "geglu" ? geglu(y) : y);
    }
    if (op == "attention")
      return download(attention(test::upload(b, a["q"]), test::upload(b, a["k"]), test::upload(b, a["v"]), c["heads"], c["causal"]));
    if (op == "group_norm") return to_planar(group_norm(upload_picture(b, a["x"]), norm_params(b, a["weight"], a["bias"], c["eps"]), c["groups"]));
    if (op == "layer_norm") return download(layer_norm(test::upload(b, a["x"]), norm_params(b, a["weight"], a["bias"], c["eps"])));
    if (op == "upsample_nearest") {
      const Tensor x = upload_picture(b, a["x"]);
      return to_planar(upsample_nearest(x, c.value("height", 2 * x.dim(1)), c.value("width", 2 * x.dim(2))));
    }
    const std::map<std::string, Act> acts{{"silu", Act::silu}, {"gelu_erf", Act::gelu}, {"gelu_tanh", Act::gelu_tanh}, {"quick_gelu", Act::quick_gelu}};
    return download(unary(test::upload(b, as_rows(a["x"])), acts.at(op)));
  }

  static Array as_rows(Array x) { return {Shape{1, x.shape.numel()}, std::move(x.values)}; }

  std::vector<float> convolve(const Case& c, const Arrays& a) {
    const HostView bias = a.has("bias") ? host_view(a["bias"]) : HostView{};
    const Tensor x = upload_picture(device(), a["x"]);
    const Array weight = a["weight"];
    if (weight.shape[2] == 1) {
      const Array matrix{Shape{weight.shape[0], weight.shape[1]}, weight.values};
      return to_planar(linear(x, device().pack_linear(host_view(matrix), bias, DType::f32)));
    }
    const Packed w = device().pack_conv2d(host_view(weight), bias, DType::f32);
    if (c["op"] == "conv2d_vae_down") return to_planar(conv2d(x, w, {2, 0, 0, 1, 1}));
    const int pad = c["padding"];
    return to_planar(conv2d(x, w, {c["stride"], pad, pad, pad, pad}));
  }
};

TEST_P(GoldenOps, AgreeWithPyTorch) {
  int ran = 0;
  for (const auto& c : component_cases("ops")) {
    const std::string file = c["file"], op = c.value("op", "");
    // Host functions have a test of their own; softmax lives inside attention; TAESD has no op of its own.
    if (op.ends_with("_embedding") || op == "softmax_large" || op == "taesd_clamp") continue;
    SCOPED_TRACE(file);
    const Arrays arrays(golden("components/" + file));
    EXPECT_LE(max_abs_difference(run(c, arrays), arrays["out"].values), limit(c));
    ++ran;
  }
  EXPECT_GE(ran, 40);
}

IMAGENT_ON_EVERY_BACKEND(GoldenOps);

}  // namespace
}  // namespace imagent::test
