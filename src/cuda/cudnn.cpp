// Convolutions and attention by cuDNN's graphs, described with its own header-only frontend.
#include "cuda/cudnn.h"

#include <cudnn_frontend.h>

#include <cmath>
#include <functional>
#include <initializer_list>
#include <map>
#include <unordered_map>
#include <vector>

namespace imagent::cuda {
namespace {

namespace fe = cudnn_frontend;
using Graph = fe::graph::Graph;
using Dims = std::vector<int64_t>;

constexpr int64_t most_workspace = int64_t{128} << 20;

fe::DataType_t type_of(DType dtype) { return dtype == DType::f16 ? fe::DataType_t::HALF : fe::DataType_t::BFLOAT16; }

// How a tensor's numbers are told in a graph.
enum Uid : int64_t { in_q = 1, in_k = 2, in_v = 3, out_y = 4, in_x = in_q, in_weight = in_k };

fe::graph::Tensor_attributes described(Uid uid, Dims dims, Dims strides) {
  return fe::graph::Tensor_attributes().set_uid(uid).set_dim(std::move(dims)).set_stride(std::move(strides));
}

// [N,H,W,C] as cuDNN says it: N, C, H, W with the strides of channels that lie together.
fe::graph::Tensor_attributes picture(Uid uid, const Tensor& x) {
  const int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3);
  return described(uid, {x.dim(0), channels, height, width}, {height * width * channels, 1, width * channels, channels});
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

void describe_conv2d(Graph& graph, const Tensor& y, const Tensor& x, const Tensor& weight, const Conv2dParams& p) {
  set_types(graph, y.dtype());
  const auto convolution = fe::graph::Conv_fprop_attributes().set_pre_padding({p.pad_top, p.pad_left}).set_post_padding({p.pad_bottom, p.pad_right})
                               .set_stride({p.stride, p.stride}).set_dilation({1, 1});
  mark_output(graph.conv_fprop(graph.tensor(picture(in_x, x)), graph.tensor(picture(in_weight, weight)), convolution), picture(out_y, y));
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

// Finds a plan that gives the same bits every time, within the workspace. false: there is none.
bool find_plan(Graph& graph, cudnnHandle_t handle) {
  if (graph.validate().is_bad() || graph.build_operation_graph(handle).is_bad()) return false;
  if (graph.create_execution_plans({fe::HeurMode_t::A, fe::HeurMode_t::FALLBACK}).is_bad()) return false;
  graph.deselect_numeric_notes({fe::NumericalNote_t::NONDETERMINISTIC}).deselect_workspace_greater_than(most_workspace);
  return graph.check_support().is_good() && graph.build_plans(fe::BuildPlanPolicy_t::HEURISTICS_CHOICE).is_good();
}

}  // namespace

struct Cudnn::State {
  explicit State(Device& device) : device(device) {
    check(cudnnCreate(&handle) == CUDNN_STATUS_SUCCESS, ErrorKind::unsupported, "cuDNN does not start");
    check(cudnnSetStream(handle, device.stream()) == CUDNN_STATUS_SUCCESS, "cuDNN takes no stream");
  }
  ~State() {
    plans.clear();
    cudnnDestroy(handle);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // The plan kept for the key, or that of the first graph that has one; null where cuDNN has none.
  using Describe = std::function<void(Graph&)>;
  const Graph* plan(const Dims& key, std::initializer_list<Describe> ways) {
    const auto [found, is_new] = plans.try_emplace(key);
    if (!is_new) return found->second.get();
    for (const Describe& describe : ways) {
      const auto graph = std::make_shared<Graph>();
      describe(*graph);
      if (!find_plan(*graph, handle)) continue;
      found->second = graph;
      break;
    }
    return found->second.get();
  }

  void run(const Graph& graph, std::unordered_map<int64_t, void*> tensors) const {
    int64_t bytes = 0;
    check(graph.get_workspace_size(bytes).is_good(), "cuDNN does not tell the workspace of its plan");
    const auto workspace = bytes > 0 ? device.pool().allocate(static_cast<size_t>(bytes)) : nullptr;
    fe::error_t error = graph.execute(handle, tensors, workspace ? workspace->data : nullptr);
    check(error.is_good(), "cuDNN: ", error.get_message());
  }

  Device& device;
  cudnnHandle_t handle = nullptr;
  std::map<Dims, std::shared_ptr<Graph>> plans;
};

Cudnn::Cudnn(Device& device) : state_(std::make_unique<State>(device)) {}
Cudnn::~Cudnn() = default;

bool Cudnn::conv2d(Tensor& y, const Tensor& x, const Tensor& weight, const Conv2dParams& p) {
  const Dims key{0, static_cast<int64_t>(y.dtype()), x.dim(0), x.dim(1), x.dim(2), x.dim(3), weight.dim(0), weight.dim(1), weight.dim(2),
                 p.stride, p.pad_top, p.pad_left, p.pad_bottom, p.pad_right};
  const Graph* graph = state_->plan(key, {[&](Graph& g) { describe_conv2d(g, y, x, weight, p); }});
  if (graph) state_->run(*graph, {{in_x, x.data()}, {in_weight, weight.data()}, {out_y, y.data()}});
  return graph != nullptr;
}

bool Cudnn::attention(Tensor& y, const AttentionInput& in) {
  const Dims key{1, static_cast<int64_t>(y.dtype()), in.q.dim(0), in.q.dim(1), in.q.dim(2), in.k.dim(1), in.heads, in.causal};
  // The frontend would choose the single node wherever cuDNN knows it, but that has kernels for the newest cards alone.
  const Graph* graph = state_->plan(key, {[&](Graph& g) { describe_attention(g, y, in, fe::AttentionImplementation_t::COMPOSITE); },
                                          [&](Graph& g) { describe_attention(g, y, in, fe::AttentionImplementation_t::UNIFIED); }});
  if (graph) state_->run(*graph, {{in_q, in.q.data()}, {in_k, in.k.data()}, {in_v, in.v.data()}, {out_y, y.data()}});
  return graph != nullptr;
}

}  // namespace imagent::cuda
