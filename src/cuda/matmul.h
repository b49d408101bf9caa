// Matrix products by cuBLASLt, with what was chosen for each shape kept.
#pragma once
#include <compare>
#include <map>
#include <memory>

#include "cuda/device.h"
#include "tensor/dtype.h"

namespace imagent::cuda {

// A row-major matrix in device memory, or several at equal distances; distances in elements.
struct Matrix {
  const void* data;
  int64_t row;           // from row to row
  int64_t product = 0;   // from matrix to matrix
};

// y[rows,columns] = scale * a[rows,depth] b + bias + residual, `count` times; b is [depth,columns], or transposed [columns,depth].
// Sums are f32, without rounding to narrower types. Of 8-bit numbers: i8 into i32, whose sums are that, or f8_e4m3; neither
// scale, bias nor residual, b transposed, columns and depth multiples of 16 and rows of row_granule.
struct Product {
  DType in, out;
  int64_t rows, columns, depth, count = 1;
  Matrix a, b, y;
  bool transposed = true;
  float scale = 1;
  const void* bias = nullptr;      // [columns] of dtype `out`, or none
  const void* residual = nullptr;  // laid out as y, and may be y; or none
};

constexpr int64_t row_granule = 32;

class Matmul {
 public:
  explicit Matmul(Device& device);
  ~Matmul();
  void run(const Product& p);

 private:
  struct Key {
    DType in, out;
    bool transposed, bias, residual;
    int64_t rows, columns, depth, count, a_row, b_row, y_row, a_product, b_product, y_product;
    uint32_t a_alignment, b_alignment, y_alignment, residual_alignment;
    auto operator<=>(const Key&) const = default;
  };
  struct Plan;
  struct Library;
  static Key key_of(const Product& p);
  const Plan& plan_for(const Product& p);

  Device& device_;
  std::unique_ptr<Library> library_;
  std::map<Key, std::unique_ptr<Plan>> plans_;
};

}  // namespace imagent::cuda
