// Matrix products by cuBLASLt. It counts columns first: seen that way, a row-major matrix is its transpose, so the product that
// it is asked for is y^T = b^T a^T.
#include "cuda/matmul.h"

#include <cublasLt.h>

#include <type_traits>

#include "cuda/runtime.h"

namespace imagent::cuda {
namespace {

void check_blas(cublasStatus_t status, const char* what) {
  check(status != CUBLAS_STATUS_ALLOC_FAILED, ErrorKind::memory, "out of memory on the graphics card: ", what);
  check(status == CUBLAS_STATUS_SUCCESS, "cuBLASLt: ", what, ": status ", static_cast<int>(status));
}

template <class Pointer, auto destroy>
struct Destroy {
  void operator()(Pointer p) const { destroy(p); }
};
template <class Pointer, auto destroy>
using Owned = std::unique_ptr<std::remove_pointer_t<Pointer>, Destroy<Pointer, destroy>>;

using Description = Owned<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;
using Layout = Owned<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;
using Preference = Owned<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;

constexpr size_t most_workspace = size_t{32} << 20;

cudaDataType_t type_of(DType dtype) {
  switch (dtype) {
    case DType::f32: return CUDA_R_32F;
    case DType::f16: return CUDA_R_16F;
    case DType::bf16: return CUDA_R_16BF;
    case DType::f8_e4m3: return CUDA_R_8F_E4M3;
    case DType::i8: return CUDA_R_8I;
    case DType::i32: return CUDA_R_32I;
    default: fail(ErrorKind::internal, "cuBLASLt: no products of ", name_of(dtype));
  }
}

// The largest power of two, up to 256, at whose multiples all of the matrices begin.
uint32_t alignment_of(const void* data, int64_t distance, DType dtype) {
  const auto bits = reinterpret_cast<uintptr_t>(data) | static_cast<uintptr_t>(distance) * size_of(dtype) | 256;
  return static_cast<uint32_t>(bits & -bits);
}

template <class Value>
void set(const Description& d, cublasLtMatmulDescAttributes_t attribute, Value value) {
  check_blas(cublasLtMatmulDescSetAttribute(d.get(), attribute, &value, sizeof value), "describing a product");
}
template <class Value>
void set(const Preference& p, cublasLtMatmulPreferenceAttributes_t attribute, Value value) {
  check_blas(cublasLtMatmulPreferenceSetAttribute(p.get(), attribute, &value, sizeof value), "describing a product");
}

// rows and columns as cuBLASLt counts them.
Layout layout(DType dtype, int64_t rows, int64_t columns, const Matrix& m, int64_t count) {
  cublasLtMatrixLayout_t made = nullptr;
  check_blas(cublasLtMatrixLayoutCreate(&made, type_of(dtype), static_cast<uint64_t>(rows), static_cast<uint64_t>(columns), m.row), "describing a matrix");
  Layout result(made);
  if (count == 1) return result;
  const auto products = static_cast<int32_t>(count);
  check_blas(cublasLtMatrixLayoutSetAttribute(made, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &products, sizeof products), "describing a matrix");
  check_blas(cublasLtMatrixLayoutSetAttribute(made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &m.product, sizeof m.product), "describing a matrix");
  return result;
}

// Of f8_e4m3 the library's defaults hold: scales of 1, and sums that are added up in f32 at the cost of some speed.
Description description(const Product& p) {
  cublasLtMatmulDesc_t made = nullptr;
  const bool whole = p.in == DType::i8;
  check_blas(cublasLtMatmulDescCreate(&made, whole ? CUBLAS_COMPUTE_32I : CUBLAS_COMPUTE_32F, whole ? CUDA_R_32I : CUDA_R_32F), "describing a product");
  Description d(made);
  set(d, CUBLASLT_MATMUL_DESC_TRANSA, p.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(d, CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N);
  if (!p.bias) return d;
  set(d, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
  set(d, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, type_of(p.out));
  set(d, CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias);
  return d;
}

}  // namespace

struct Matmul::Library {
  cublasLtHandle_t handle = nullptr;

  Library() { check_blas(cublasLtCreate(&handle), "starting"); }
  ~Library() { cublasLtDestroy(handle); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
};

struct Matmul::Plan {
  Description description;
  Layout a, b, y;  // cuBLASLt's A is our b and its B our a
  cublasLtMatmulHeuristicResult_t chosen = {};
};

Matmul::Matmul(Device& device) : device_(device), library_(std::make_unique<Library>()) {}
Matmul::~Matmul() = default;

Matmul::Key Matmul::key_of(const Product& p) {
  return {p.in, p.out, p.transposed, p.bias != nullptr, p.residual != nullptr, p.rows, p.columns, p.depth, p.count, p.a.row, p.b.row, p.y.row,
          p.a.product, p.b.product, p.y.product, alignment_of(p.a.data, p.a.product, p.in), alignment_of(p.b.data, p.b.product, p.in),
          alignment_of(p.y.data, p.y.product, p.out), p.residual ? alignment_of(p.residual, p.y.product, p.out) : 0};
}

const Matmul::Plan& Matmul::plan_for(const Product& p) {
  const Key key = key_of(p);
  std::unique_ptr<Plan>& plan = plans_[key];
  if (plan) return *plan;
  auto made = std::make_unique<Plan>();
  made->description = description(p);
  made->a = layout(p.in, p.depth, p.rows, p.a, p.count);
  made->b = p.transposed ? layout(p.in, p.depth, p.columns, p.b, p.count) : layout(p.in, p.columns, p.depth, p.b, p.count);
  made->y = layout(p.out, p.columns, p.rows, p.y, p.count);
  cublasLtMatmulPreference_t preference = nullptr;
  check_blas(cublasLtMatmulPreferenceCreate(&preference), "describing a product");
  const Preference wanted(preference);
  set(wanted, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, most_workspace);
  set(wanted, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, key.b_alignment);
  set(wanted, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, key.a_alignment);
  set(wanted, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, p.residual ? key.residual_alignment : key.y_alignment);
  set(wanted, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, key.y_alignment);
  int found = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(library_->handle, made->description.get(), made->b.get(), made->a.get(), made->y.get(), made->y.get(),
                                                               preference, 1, &made->chosen, &found);
  check(status == CUBLAS_STATUS_SUCCESS && found > 0, "cuBLASLt: no way to multiply ", p.rows, "x", p.depth, " by ", p.depth, "x", p.columns, " in ", name_of(p.in),
        ": status ", static_cast<int>(status));
  plan = std::move(made);
  return *plan;
}

void Matmul::run(const Product& p) {
  if (p.rows == 0 || p.columns == 0 || p.count == 0) return;
  const Plan& plan = plan_for(p);
  if (p.bias) set(plan.description, CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias);
  const float beta = p.residual ? 1 : 0;
  const int32_t whole_scale = 1, whole_beta = 0;
  const bool whole = p.in == DType::i8;
  const void* c = p.residual ? p.residual : p.y.data;
  const size_t bytes = plan.chosen.workspaceSize;
  const auto workspace = bytes ? device_.pool().allocate(bytes) : nullptr;
  check_blas(cublasLtMatmul(library_->handle, plan.description.get(), whole ? static_cast<const void*>(&whole_scale) : &p.scale, p.b.data, plan.b.get(), p.a.data,
                            plan.a.get(), whole ? static_cast<const void*>(&whole_beta) : &beta, c, plan.y.get(), const_cast<void*>(p.y.data), plan.y.get(), &plan.chosen.algo, workspace ? workspace->data : nullptr, bytes, device_.stream()),
             "multiplying");
}

}  // namespace imagent::cuda
