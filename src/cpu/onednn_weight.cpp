// Weights in oneDNN's blocked layouts, and its primitives.
#include <dlfcn.h>

#include <algorithm>

#include "cpu/onednn_product.h"
#include "cpu/scratch.h"

namespace imagent::cpu {
namespace {

using dnnl::memory;

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

// oneDNN picks kernels and layouts by the thread count that OpenMP reports: here it is always one. The functions are those
// of the OpenMP library that oneDNN itself has loaded; a oneDNN without OpenMP has none.
class OneThread {
 public:
  OneThread() {
    if (!set_threads || !max_threads) return;
    before_ = max_threads();
    set_threads(1);
  }
  ~OneThread() {
    if (before_ > 0) set_threads(before_);
  }
  OneThread(const OneThread&) = delete;

 private:
  inline static const auto set_threads = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  inline static const auto max_threads = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_get_max_threads"));
  int before_ = 0;
};

// oneDNN's exceptions as ours.
template <class Call>
decltype(auto) guarded(Call&& call) {
  try {
    return call();
  } catch (const dnnl::error& e) {
    fail(e.status == dnnl_out_of_memory ? ErrorKind::memory : ErrorKind::internal, "oneDNN: ", e.what());
  }
}

void append(dnnl::post_ops& ops, Act act) {
  using dnnl::algorithm;
  switch (act) {
    case Act::none: return;
    case Act::silu: return ops.append_eltwise(1, algorithm::eltwise_swish, 1, 0);
    case Act::gelu: return ops.append_eltwise(1, algorithm::eltwise_gelu_erf, 0, 0);
    case Act::gelu_tanh: return ops.append_eltwise(1, algorithm::eltwise_gelu_tanh, 0, 0);
    case Act::quick_gelu: return ops.append_eltwise(1, algorithm::eltwise_swish, 1.702f, 0);
    case Act::relu: return ops.append_eltwise(1, algorithm::eltwise_relu, 0, 0);
    case Act::leaky_relu: return ops.append_eltwise(1, algorithm::eltwise_relu, 0.2f, 0);
    case Act::tanh: return ops.append_eltwise(1, algorithm::eltwise_tanh, 0, 0);
  }
}

}  // namespace

OnednnWeight::OnednnWeight(const HostView& weight, const HostView& bias, DType dtype)
    : kernel_(weight.shape), type_(dtype == DType::bf16 ? memory::data_type::bf16 : memory::data_type::f32), bias_(weight.shape[0]) {
  if (bias.data) widen_to_f32(bias.dtype, bias.data, bias_.data(), bias_.size());
  const int64_t row = kernel_.numel() / kernel_[0];
  AlignedMemory dense(static_cast<size_t>(kernel_.numel()) * size_of(dtype));
  std::vector<float> wide(static_cast<size_t>(row));
  for (int64_t o = 0; o < kernel_[0]; ++o) {
    widen_to_f32(weight.dtype, static_cast<const char*>(weight.data) + o * row * static_cast<int64_t>(size_of(weight.dtype)), wide.data(), wide.size());
    narrow_from_f32(dtype, wide.data(), static_cast<char*>(dense.data()) + o * row * static_cast<int64_t>(size_of(dtype)), wide.size());
  }
  guarded([&] {
    const OneThread one;
    const memory::dims dims = conv() ? memory::dims{kernel_[0], kernel_[1], kernel_[2], kernel_[3]} : memory::dims{kernel_[1], kernel_[0]};
    const memory::desc plain(dims, type_, conv() ? memory::format_tag::oihw : memory::format_tag::ba);
    const memory::desc any(dims, type_, memory::format_tag::any);
    // The layout that suits a middling picture; the real sizes are not known yet.
    const int64_t rows = conv() ? kernel_[2] + 7 : 64, width = conv() ? kernel_[3] + 31 : 1;
    const OnednnShape usual{.in_rows = rows, .in_width = width, .out_rows = conv() ? 8 : 64, .out_width = conv() ? 32 : 1};
    memory_ = memory(make(usual, any).weight, engine());
    memory from(plain, engine(), dense.data());
    dnnl::stream stream(engine());
    dnnl::reorder(from, memory_).execute(stream, from, memory_);
    stream.wait();
  });
}

OnednnWeight::Primitive OnednnWeight::make(const OnednnShape& s, const memory::desc& weight) const {
  using namespace dnnl;
  primitive_attr attributes;
  attributes.set_scratchpad_mode(scratchpad_mode::user);
  post_ops ops;
  append(ops, s.act);
  if (s.residual) ops.append_sum();
  attributes.set_post_ops(ops);
  const int64_t out = kernel_[0], in = kernel_[1];
  if (!conv()) {
    const memory::desc source({s.in_rows, in}, type_, memory::format_tag::ab), result({s.out_rows, out}, type_, memory::format_tag::ab);
    const memory::desc bias({1, out}, memory::data_type::f32, memory::format_tag::ab);
    const matmul::primitive_desc made(matmul::desc(source, weight, bias, result), attributes, engine());
    return {matmul(made), source, made.weights_desc(), result, made.scratchpad_desc()};
  }
  const memory::desc source({1, in, s.in_rows, s.in_width}, type_, memory::format_tag::nhwc);
  const memory::desc result({1, out, s.out_rows, s.out_width}, type_, memory::format_tag::nhwc);
  const memory::desc bias({out}, memory::data_type::f32, memory::format_tag::a);
  const convolution_forward::desc wanted(prop_kind::forward_inference, algorithm::convolution_direct, source, weight, bias, result,
                                         {s.stride, s.stride}, {s.top, s.left}, {s.bottom, s.right});
  const convolution_forward::primitive_desc made(wanted, attributes, engine());
  return {convolution_forward(made), source, made.weights_desc(), result, made.scratchpad_desc()};
}

const OnednnWeight::Primitive& OnednnWeight::primitive(const OnednnShape& shape) const {
  const std::lock_guard lock(mutex_);
  const auto found = primitives_.find(shape);
  if (found != primitives_.end()) return found->second;
  return guarded([&]() -> const Primitive& {
    const OneThread one;
    return primitives_.emplace(shape, make(shape, memory_.get_desc())).first->second;
  });
}

void OnednnWeight::run(const Primitive& p, const void* x, const float* bias, void* y) const {
  guarded([&] {
    const OneThread one;
    thread_local dnnl::stream stream(engine());
    Scratch scratch(p.scratchpad.get_size() + 64);
    const memory::desc bias_desc = conv() ? memory::desc({kernel_[0]}, memory::data_type::f32, memory::format_tag::a)
                                          : memory::desc({1, kernel_[0]}, memory::data_type::f32, memory::format_tag::ab);
    p.primitive.execute(stream, {{DNNL_ARG_SRC, memory(p.source, engine(), const_cast<void*>(x))},
                                 {DNNL_ARG_WEIGHTS, memory_},
                                 {DNNL_ARG_BIAS, memory(bias_desc, engine(), const_cast<float*>(bias))},
                                 {DNNL_ARG_DST, memory(p.result, engine(), y)},
                                 {DNNL_ARG_SCRATCHPAD, memory(p.scratchpad, engine(), scratch.take<char>(p.scratchpad.get_size()))}});
    stream.wait();
  });
}

}  // namespace imagent::cpu
