// Convolutions with all that follows them, and attention, by cuDNN's graphs, described with its own header-only frontend.
#include "cuda/cudnn.h"

#include <cudnn_frontend.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cuda/kernel_compiler.h"

namespace imagent::cuda {
namespace {

namespace fe = cudnn_frontend;
using Graph = fe::graph::Graph;
using Dims = std::vector<int64_t>;

constexpr int64_t most_workspace = int64_t{128} << 20;
constexpr uintptr_t alignment = 16;  // of tensors, in bytes: what plans are made for

fe::DataType_t type_of(DType dtype) { return dtype == DType::f16 ? fe::DataType_t::HALF : fe::DataType_t::BFLOAT16; }

// How a tensor's numbers are told in a graph.
enum Uid : int64_t { out_y = 1, in_q, in_k, in_v, in_x, in_weight, in_bias, in_per_image, in_residual };

// Those that a graph reads and writes; an empty one is not in it.
using Tensors = std::vector<std::pair<Uid, Tensor>>;

fe::graph::Tensor_attributes described(Uid uid, Dims dims, Dims strides) {
  return fe::graph::Tensor_attributes().set_uid(uid).set_dim(std::move(dims)).set_stride(std::move(strides));
}

// [N,H,W,C] as cuDNN says it: N, C, H, W with the strides of channels that lie together.
fe::graph::Tensor_attributes picture(Uid uid, const Tensor& x) {
  const int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3);
  return described(uid, {x.dim(0), channels, height, width}, {height * width * channels, 1, width * channels, channels});
}

// [C] or [N,C] as pictures of one pixel, which stands for all.
fe::graph::Tensor_attributes channels(Uid uid, const Tensor& x) {
  const int64_t count = x.dim(-1);
  return described(uid, {x.numel() / count, count, 1, 1}, {count, 1, count, count});
}

// [N,T,heads*D] as N, heads, T, D.
fe::graph::Tensor_attributes tokens(Uid uid, const Tensor& x, int heads) {
  const int64_t channels = x.dim(2), width = channels / heads;
  return described(uid, {x.dim(0), heads, x.dim(1), width}, {x.dim(1) * channels, width, channels, 1});
}

void mark_output(const std::shared_ptr<fe::graph::Tensor_attributes>& y, const fe::graph::Tensor_attributes& as) {
  y->set_output(true).set_uid(out_y).set_dim(as.get_dim()).set_stride(as.get_stride());
}

void set_types(Graph& graph, DType dtype) {
  graph.set_io_data_type(type_of(dtype)).set_intermediate_data_type(fe::DataType_t::FLOAT).set_compute_data_type(fe::DataType_t::FLOAT);
}

fe::graph::Pointwise_attributes pointwise(Act act) {
  using Mode = fe::PointwiseMode_t;
  const auto mode = [](Mode m) { return fe::graph::Pointwise_attributes().set_mode(m); };
  switch (act) {
    case Act::none: return mode(Mode::IDENTITY);
    case Act::silu: return mode(Mode::SWISH_FWD).set_swish_beta(1);
    case Act::gelu: return mode(Mode::GELU_FWD);
    case Act::gelu_tanh: return mode(Mode::GELU_APPROX_TANH_FWD);
    case Act::quick_gelu: return mode(Mode::SWISH_FWD).set_swish_beta(1.702f);
    case Act::relu: return mode(Mode::RELU_FWD);
    case Act::leaky_relu: return mode(Mode::RELU_FWD).set_relu_lower_clip_slope(0.2f);
    case Act::tanh: return mode(Mode::TANH_FWD);
  }
  return mode(Mode::IDENTITY);
}

void describe_conv2d(Graph& graph, const Tensor& y, const Convolution& c) {
  set_types(graph, y.dtype());
  const Conv2dParams& p = c.params;
  const Epilogue& e = c.epilogue;
  const auto convolution = fe::graph::Conv_fprop_attributes().set_pre_padding({p.pad_top, p.pad_left}).set_post_padding({p.pad_bottom, p.pad_right})
                               .set_stride({p.stride, p.stride}).set_dilation({1, 1});
  auto sum = graph.conv_fprop(graph.tensor(picture(in_x, c.x)), graph.tensor(picture(in_weight, c.weight)), convolution);
  const auto add = [&](const fe::graph::Tensor_attributes& more) {
    sum = graph.pointwise(sum, graph.tensor(more), fe::graph::Pointwise_attributes().set_mode(fe::PointwiseMode_t::ADD));
  };
  // A sum is added up in the order for which cuDNN has kernels at hand: residual, then bias.
  const bool is_sum = e.act == Act::none;
  if (is_sum && e.residual) add(picture(in_residual, e.residual));
  if (c.bias) add(channels(in_bias, c.bias));
  if (e.per_image) add(channels(in_per_image, e.per_image));
  if (!is_sum) sum = graph.pointwise(sum, pointwise(e.act));
  if (!is_sum && e.residual) add(picture(in_residual, e.residual));
  mark_output(sum, picture(out_y, y));
}

void describe_attention(Graph& graph, const Tensor& y, const AttentionInput& in, fe::AttentionImplementation_t implementation) {
  set_types(graph, y.dtype());
  auto options = fe::graph::SDPA_attributes().set_generate_stats(false).set_implementation(implementation)
                     .set_attn_scale(1 / std::sqrt(static_cast<float>(in.q.dim(2) / in.heads)));
  if (in.causal) options.set_diagonal_alignment(fe::DiagonalAlignment_t::TOP_LEFT).set_diagonal_band_right_bound(0);
  const auto [out, statistics] =
      graph.sdpa(graph.tensor(tokens(in_q, in.q, in.heads)), graph.tensor(tokens(in_k, in.k, in.heads)), graph.tensor(tokens(in_v, in.v, in.heads)), options);
  mark_output(out, tokens(out_y, y, in.heads));
}

// Kernels that cuDNN brings along, or also such as it writes and compiles for a graph.
enum class Kernels { ready, compiled };

// Finds a plan that gives the same bits every time, within the workspace. false: there is none.
bool find_plan(Graph& graph, cudnnHandle_t handle, Kernels kernels) {
  if (graph.validate().is_bad() || graph.build_operation_graph(handle).is_bad()) return false;
  if (graph.create_execution_plans({fe::HeurMode_t::A, fe::HeurMode_t::FALLBACK}).is_bad()) return false;
  if (kernels == Kernels::ready) graph.deselect_behavior_notes({fe::BehaviorNote_t::RUNTIME_COMPILATION});
  graph.deselect_numeric_notes({fe::NumericalNote_t::NONDETERMINISTIC}).deselect_workspace_greater_than(most_workspace);
  return graph.check_support().is_good() && graph.build_plans(fe::BuildPlanPolicy_t::HEURISTICS_CHOICE).is_good();
}

using Describe = std::function<void(Graph&)>;

// What a plan is for, as numbers, and the graphs that would do, best first.
struct Wanted {
  Dims key;
  Kernels kernels;
  std::vector<Describe> ways;
};

}  // namespace

struct Cudnn::State {
  explicit State(Device& device) : device(device) {
    load_kernel_compiler();
    check(cudnnCreate(&handle) == CUDNN_STATUS_SUCCESS, ErrorKind::unsupported, "cuDNN does not start");
    check(cudnnSetStream(handle, device.stream()) == CUDNN_STATUS_SUCCESS, "cuDNN takes no stream");
  }
  ~State() {
    plans.clear();
    cudnnDestroy(handle);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Runs the plan that is kept or found. false: there is none, or a tensor lies askew.
  bool run(const Wanted& wanted, const Tensors& tensors) {
    const auto askew = [](const auto& named) { return named.second && reinterpret_cast<uintptr_t>(named.second.data()) % alignment != 0; };
    if (std::any_of(tensors.begin(), tensors.end(), askew)) return false;
    const Graph* graph = plan(wanted);
    if (graph) execute(*graph, tensors);
    return graph != nullptr;
  }

 private:
  const Graph* plan(const Wanted& wanted) {
    const auto [found, is_new] = plans.try_emplace(wanted.key);
    if (!is_new) return found->second.get();
    for (const Describe& describe : wanted.ways) {
      const auto graph = std::make_shared<Graph>();
      describe(*graph);
      if (!find_plan(*graph, handle, wanted.kernels)) continue;
      found->second = graph;
      break;
    }
    return found->second.get();
  }

  void execute(const Graph& graph, const Tensors& tensors) const {
    std::unordered_map<int64_t, void*> addresses;
    for (const auto& [uid, tensor] : tensors)
      if (tensor) addresses[uid] = tensor.data();
    int64_t bytes = 0;
    check(graph.get_workspace_size(bytes).is_good(), "cuDNN does not tell the workspace of its plan");
    const auto workspace = bytes > 0 ? device.pool().allocate(static_cast<size_t>(bytes)) : nullptr;
    fe::error_t error = graph.execute(handle, addresses, workspace ? workspace->data : nullptr);
    check(error.is_good(), "cuDNN: ", error.get_message());
  }

  Device& device;
  cudnnHandle_t handle = nullptr;
  std::map<Dims, std::shared_ptr<Graph>> plans;
};

Cudnn::Cudnn(Device& device) : state_(std::make_unique<State>(device)) {}
Cudnn::~Cudnn() = default;

bool Cudnn::conv2d(Tensor& y, const Convolution& c) {
  const Conv2dParams& p = c.params;
  const Epilogue& e = c.epilogue;
  const Dims key{0, static_cast<int64_t>(y.dtype()), c.x.dim(0), c.x.dim(1), c.x.dim(2), c.x.dim(3), c.weight.dim(0), c.weight.dim(1), c.weight.dim(2),
                 p.stride, p.pad_top, p.pad_left, p.pad_bottom, p.pad_right, static_cast<int64_t>(e.act), !!c.bias, !!e.per_image, !!e.residual};
  // A kernel is compiled in half a second to one, for each of dozens of shapes: more than a pass of our own behind the bare product costs.
  return state_->run({key, Kernels::ready, {[&](Graph& g) { describe_conv2d(g, y, c); }}},
                     {{out_y, y}, {in_x, c.x}, {in_weight, c.weight}, {in_bias, c.bias}, {in_per_image, e.per_image}, {in_residual, e.residual}});
}

bool Cudnn::attention(Tensor& y, const AttentionInput& in) {
  const Dims key{1, static_cast<int64_t>(y.dtype()), in.q.dim(0), in.q.dim(1), in.q.dim(2), in.k.dim(1), in.heads, in.causal};
  // The frontend would choose the single node wherever cuDNN knows it, but that has kernels for the newest cards alone.
  return state_->run({key, Kernels::compiled, {[&](Graph& g) { describe_attention(g, y, in, fe::AttentionImplementation_t::COMPOSITE); },
                                               [&](Graph& g) { describe_attention(g, y, in, fe::AttentionImplementation_t::UNIFIED); }}},
                     {{out_y, y}, {in_q, in.q}, {in_k, in.k}, {in_v, in.v}});
}

}  // namespace imagent::cuda
