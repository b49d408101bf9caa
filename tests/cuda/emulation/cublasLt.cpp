// Column-major products in plain loops.
#include "cublasLt.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <vector>

#include "tensor/dtype.h"

namespace {

imagent::DType dtype_of(cudaDataType_t type) {
  switch (type) {
    case CUDA_R_32F: return imagent::DType::f32;
    case CUDA_R_16F: return imagent::DType::f16;
    case CUDA_R_8I: return imagent::DType::i8;
    case CUDA_R_32I: return imagent::DType::i32;
    case CUDA_R_16BF: return imagent::DType::bf16;
    case CUDA_R_8F_E4M3: return imagent::DType::f8_e4m3;
  }
  return imagent::DType::u8;
}

template <class T>
cublasStatus_t take(T& to, const void* value, size_t size) {
  if (size != sizeof to) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&to, value, size);
  return CUBLAS_STATUS_SUCCESS;
}

// One matrix of a layout, widened: element (row, column) at [column * rows + row].
struct Values {
  uint64_t rows, columns;
  std::vector<float> values;

  Values(const void* data, const cublasLtMatrixLayoutOpaque_t& l, int64_t index) : rows(l.rows), columns(l.columns), values(rows * columns) {
    const imagent::DType type = dtype_of(l.type);
    const char* first = static_cast<const char*>(data) + index * l.distance * static_cast<int64_t>(size_of(type));
    for (uint64_t column = 0; column < columns; ++column)
      imagent::widen_to_f32(type, first + column * static_cast<uint64_t>(l.leading) * size_of(type), &values[column * rows], rows);
  }
  float at(uint64_t row, uint64_t column, cublasOperation_t op) const { return op == CUBLAS_OP_T ? values[row * rows + column] : values[column * rows + row]; }
  // The whole of it with `op` applied, column after column.
  std::vector<float> by_columns(cublasOperation_t op) const {
    if (op == CUBLAS_OP_N) return values;
    std::vector<float> out(values.size());
    for (uint64_t column = 0; column < columns; ++column)
      for (uint64_t row = 0; row < rows; ++row) out[row * columns + column] = values[column * rows + row];
    return out;
  }
};

// Sums of a whole column side by side: the compiler makes vectors of it, which it may not of one sum.
void add_scaled(std::vector<float>& sums, const float* values, float factor) {
  float* to = sums.data();
  for (size_t i = 0; i < sums.size(); ++i) to[i] += factor * values[i];
}

bool is_aligned(const void* data, const cublasLtMatrixLayoutOpaque_t& l, uint32_t alignment) {
  return reinterpret_cast<uintptr_t>(data) % alignment == 0 && static_cast<uint64_t>(l.distance) * size_of(dtype_of(l.type)) % alignment == 0;
}

// What the library's documentation asks of 8-bit operands: A transposed and B not, all at multiples of 16 bytes; of whole numbers
// whole sums. The least number of columns is what others found that it wants of B.
bool knows(const cublasLtMatmulDescOpaque_t& d, const cublasLtMatrixLayoutOpaque_t& a, const cublasLtMatrixLayoutOpaque_t& b, const cublasLtMatrixLayoutOpaque_t& y,
           const uint32_t (&alignment)[4]) {
  const bool whole = a.type == CUDA_R_8I;
  if (whole != (d.compute == CUBLAS_COMPUTE_32I) || whole != (y.type == CUDA_R_32I)) return false;
  if (!whole && a.type != CUDA_R_8F_E4M3) return true;
  const bool aligned = std::all_of(std::begin(alignment), std::end(alignment), [](uint32_t bytes) { return bytes >= 16; });
  return d.a == CUBLAS_OP_T && d.b == CUBLAS_OP_N && d.epilogue == CUBLASLT_EPILOGUE_DEFAULT && aligned && a.rows % 16 == 0 && a.columns % 16 == 0 &&
         b.columns > 16 && (whole || y.type == CUDA_R_16BF || y.type == CUDA_R_32F);
}

// y = a^T b of whole numbers.
void multiply_whole(const cublasLtMatrixLayoutOpaque_t& a_layout, const int8_t* a, const cublasLtMatrixLayoutOpaque_t& b_layout, const int8_t* b,
                    const cublasLtMatrixLayoutOpaque_t& y_layout, int32_t* y) {
  for (uint64_t j = 0; j < y_layout.columns; ++j)
    for (uint64_t r = 0; r < y_layout.rows; ++r) {
      int32_t sum = 0;
      for (uint64_t k = 0; k < a_layout.rows; ++k) sum += a[r * static_cast<uint64_t>(a_layout.leading) + k] * b[j * static_cast<uint64_t>(b_layout.leading) + k];
      y[j * static_cast<uint64_t>(y_layout.leading) + r] = sum;
    }
}

}  // namespace

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* made, cublasComputeType_t compute, cudaDataType_t scale) {
  *made = new cublasLtMatmulDescOpaque_t{.compute = compute};
  return scale == (compute == CUBLAS_COMPUTE_32I ? CUDA_R_32I : CUDA_R_32F) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t d) { return delete d, CUBLAS_STATUS_SUCCESS; }

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t attribute, const void* value, size_t size) {
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA: return take(d->a, value, size);
    case CUBLASLT_MATMUL_DESC_TRANSB: return take(d->b, value, size);
    case CUBLASLT_MATMUL_DESC_EPILOGUE: return take(d->epilogue, value, size);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER: return take(d->bias, value, size);
    case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE: return take(d->bias_type, value, size);
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* made, cudaDataType_t type, uint64_t rows, uint64_t columns, int64_t leading) {
  *made = new cublasLtMatrixLayoutOpaque_t{type, rows, columns, leading};
  return leading >= static_cast<int64_t>(rows) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) { return delete layout, CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t attribute, const void* value, size_t size) {
  return attribute == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT ? take(layout->count, value, size) : take(layout->distance, value, size);
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* made) { return *made = new cublasLtMatmulPreferenceOpaque_t, CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) { return delete preference, CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t attribute, const void* value, size_t size) {
  if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES) return size == sizeof(size_t) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
  return take(preference->alignment[attribute - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES], value, size);
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t d, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                                              cublasLtMatrixLayout_t y, cublasLtMatmulPreference_t preference, int wanted, cublasLtMatmulHeuristicResult_t* results, int* found) {
  const auto shape = [](const cublasLtMatrixLayoutOpaque_t& l, cublasOperation_t op) { return op == CUBLAS_OP_T ? std::pair(l.columns, l.rows) : std::pair(l.rows, l.columns); };
  const auto [rows, depth] = shape(*a, d->a);
  const auto [depth_of_b, columns] = shape(*b, d->b);
  const bool fits = depth == depth_of_b && y->rows == rows && y->columns == columns && c->rows == rows && c->columns == columns && a->count == b->count &&
                    a->count == y->count && a->type == b->type && wanted > 0;
  const bool known = knows(*d, *a, *b, *y, preference->alignment);
  *found = fits && known;
  std::memcpy(results[0].algo.alignment, preference->alignment, sizeof preference->alignment);
  results[0].workspaceSize = 1000;
  return !fits ? CUBLAS_STATUS_INVALID_VALUE : known ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t d, const void* alpha, const void* a, cublasLtMatrixLayout_t a_layout, const void* b,
                              cublasLtMatrixLayout_t b_layout, const void* beta, const void* c, cublasLtMatrixLayout_t c_layout, void* y, cublasLtMatrixLayout_t y_layout,
                              const cublasLtMatmulAlgo_t* algo, void* workspace, size_t workspace_size, cudaStream_t) {
  const uint32_t* alignment = algo->alignment;
  if (!is_aligned(a, *a_layout, alignment[0]) || !is_aligned(b, *b_layout, alignment[1]) || !is_aligned(c, *c_layout, alignment[2]) || !is_aligned(y, *y_layout, alignment[3]))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (!workspace || workspace_size < 1000) return CUBLAS_STATUS_INVALID_VALUE;
  if (d->compute == CUBLAS_COMPUTE_32I) {
    if (*static_cast<const int32_t*>(alpha) != 1 || *static_cast<const int32_t*>(beta) != 0) return CUBLAS_STATUS_NOT_SUPPORTED;
    emulation::queue([al = *a_layout, bl = *b_layout, yl = *y_layout, a, b, y] {
      multiply_whole(al, static_cast<const int8_t*>(a), bl, static_cast<const int8_t*>(b), yl, static_cast<int32_t*>(y));
    });
    return CUBLAS_STATUS_SUCCESS;
  }
  const float scale = *static_cast<const float*>(alpha), of_c = *static_cast<const float*>(beta);
  emulation::queue([dl = *d, al = *a_layout, bl = *b_layout, yl = *y_layout, scale, of_c, a, b, c, y] {
    const imagent::DType type = dtype_of(yl.type);
    const uint64_t rows = yl.rows, columns = yl.columns, depth = dl.a == CUBLAS_OP_T ? al.rows : al.columns;
    std::vector<float> bias(rows, 0);
    if (dl.epilogue == CUBLASLT_EPILOGUE_BIAS) imagent::widen_to_f32(dtype_of(dl.bias_type), dl.bias, bias.data(), rows);
    for (int64_t i = 0; i < yl.count; ++i) {
      const Values va(a, al, i), vb(b, bl, i), vc(of_c ? c : y, yl, i);
      char* first = static_cast<char*>(y) + i * yl.distance * static_cast<int64_t>(size_of(type));
      const std::vector<float> by_depth = va.by_columns(dl.a);
      std::vector<float> column(rows);
      for (uint64_t j = 0; j < columns; ++j) {
        std::fill(column.begin(), column.end(), 0.0f);
        for (uint64_t k = 0; k < depth; ++k) add_scaled(column, &by_depth[k * rows], vb.at(k, j, dl.b));
        for (uint64_t r = 0; r < rows; ++r) column[r] = scale * column[r] + (of_c ? of_c * vc.at(r, j, CUBLAS_OP_N) : 0) + bias[r];
        imagent::narrow_from_f32(type, column.data(), first + j * static_cast<uint64_t>(yl.leading) * size_of(type), rows);
      }
    }
  });
  return CUBLAS_STATUS_SUCCESS;
}
