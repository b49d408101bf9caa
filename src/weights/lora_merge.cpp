// Changes of weights as matrices [out, in*kernel]: a 1x1 convolution and a linear layer are the same.
#include "weights/lora_merge.h"

#include <algorithm>
#include <cmath>

namespace imagent {
namespace {

struct Matrix {
  int64_t rows = 0, columns = 0;
  std::vector<float> values;

  Matrix(int64_t rows, int64_t columns) : rows(rows), columns(columns), values(static_cast<size_t>(rows * columns)) {}
  Matrix(int64_t rows, int64_t columns, std::vector<float> values) : rows(rows), columns(columns), values(std::move(values)) {}
  float* row(int64_t i) { return values.data() + i * columns; }
  const float* row(int64_t i) const { return values.data() + i * columns; }
};

// The first axis, and all others as one.
Matrix matrix(const TensorView& view) {
  const int64_t rows = view.shape[0];
  return {rows, view.shape.numel() / rows, to_f32(view)};
}

// y += a * x
void add_row(float* __restrict y, const float* __restrict x, float a, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] += a * x[i];
}

// y += a[0] * x + a[1] * (the row below x) + ...: four rows at a time, so that y is read and written once for them.
void add_four_rows(float* __restrict y, const float* __restrict x, const float* a, int64_t n) {
  const float *x1 = x + n, *x2 = x1 + n, *x3 = x2 + n;
  for (int64_t i = 0; i < n; ++i) y[i] = y[i] + a[0] * x[i] + a[1] * x1[i] + a[2] * x2[i] + a[3] * x3[i];
}

// y += row i of a [m,k] x b [k,n], of which only the first `ranks` of k count.
void add_product_row(float* y, const Matrix& a, int64_t i, const Matrix& b, int64_t ranks) {
  int64_t k = 0;
  for (; k + 4 <= ranks; k += 4) add_four_rows(y, b.row(k), a.row(i) + k, b.columns);
  for (; k < ranks; ++k) add_row(y, b.row(k), a.row(i)[k], b.columns);
}

Matrix product(const Matrix& a, const Matrix& b, int64_t ranks) {
  Matrix out(a.rows, b.columns);
  for (int64_t i = 0; i < a.rows; ++i) add_product_row(out.row(i), a, i, b, ranks);
  return out;
}
Matrix product(const Matrix& a, const Matrix& b) { return product(a, b, a.columns); }

Matrix transposed(const Matrix& a) {
  Matrix out(a.columns, a.rows);
  for (int64_t i = 0; i < a.rows; ++i)
    for (int64_t j = 0; j < a.columns; ++j) out.row(j)[i] = a.row(i)[j];
  return out;
}

// Through the core of a Tucker decomposition: core [p,q,kernel...], b [q,in] -> [p, in*kernel].
Matrix expand(const TensorView& core, const Matrix& b) {
  const int64_t p = core.shape[0], q = core.shape[1], kernel = core.shape.numel() / (p * q), in = b.columns;
  const std::vector<float> t = to_f32(core);
  Matrix out(p, in * kernel);
  for (int64_t i = 0; i < p; ++i)
    for (int64_t j = 0; j < q; ++j)
      for (int64_t c = 0; c < in; ++c) add_row(out.row(i) + c * kernel, &t[static_cast<size_t>((i * q + j) * kernel)], b.row(j)[c], kernel);
  return out;
}

struct LoraFactors {
  Matrix up, down;  // the change is their product
  int64_t ranks;
};

LoraFactors lora_factors(const LoraModule& m, int rank) {
  Matrix up = matrix(m.at("up")), down = matrix(m.at("down"));
  if (m.has("mid")) down = expand(m.at("mid"), down);
  const int64_t ranks = rank > 0 && !m.has("mid") ? std::min<int64_t>(rank, down.rows) : down.rows;
  return {std::move(up), std::move(down), ranks};
}

// weight += scale * change, row by row: the change of a large layer is never whole in memory.
void add_lora(std::span<float> weight, const LoraFactors& f, float scale) {
  std::vector<float> row(static_cast<size_t>(f.down.columns));
  for (int64_t i = 0; i < f.up.rows; ++i) {
    std::fill(row.begin(), row.end(), 0.0f);
    add_product_row(row.data(), f.up, i, f.down, f.ranks);
    add_row(weight.data() + i * f.down.columns, row.data(), scale, f.down.columns);
  }
}

// `name`: "hada_w1" or "lokr_w2", with its core "hada_t1" or "lokr_t2".
Matrix factor(const LoraModule& m, const std::string& name) {
  if (m.has(name)) return matrix(m.at(name));
  const Matrix a = matrix(m.at(name + "_a")), b = matrix(m.at(name + "_b"));
  std::string core = name;
  core[core.size() - 2] = 't';
  return m.has(core) ? product(transposed(a), expand(m.at(core), b)) : product(a, b);
}

Matrix loha_change(const LoraModule& m) {
  Matrix change = factor(m, "hada_w1");
  const Matrix other = factor(m, "hada_w2");
  for (size_t i = 0; i < change.values.size(); ++i) change.values[i] *= other.values[i];
  return change;
}

// The Kronecker product: each element of the first factor, times the whole second one.
Matrix lokr_change(const LoraModule& m) {
  const Matrix a = factor(m, "lokr_w1"), b = factor(m, "lokr_w2");
  Matrix out(a.rows * b.rows, a.columns * b.columns);
  for (int64_t i = 0; i < out.rows; ++i)
    for (int64_t j = 0; j < a.columns; ++j) add_row(out.row(i) + j * b.columns, b.row(i % b.rows), a.row(i / b.rows)[j], b.columns);
  return out;
}

Matrix change_of(const LoraModule& m, int rank) {
  switch (m.kind) {
    case LoraModule::Kind::lora: {
      const LoraFactors f = lora_factors(m, rank);
      return product(f.up, f.down, f.ranks);
    }
    case LoraModule::Kind::loha: return loha_change(m);
    case LoraModule::Kind::lokr: return lokr_change(m);
    case LoraModule::Kind::norm: return matrix(m.at("w_norm"));
    default: return matrix(m.at("diff"));
  }
}

bool magnitude_of_rows(const Shape& scale, const Shape& weight) { return scale[0] == weight[0] && scale.numel() == weight[0]; }

// DoRA: the changed weight with lengths of its own, one for each output or (older files) each input. Lengths are those of
// the changed weight, as in the paper; programs that take the original one's differ.
void merge_dora(std::span<float> weight, const Shape& shape, const Matrix& change, const LoraModule& m, float multiplier) {
  const std::vector<float> magnitude = to_f32(m.at("dora_scale"));
  const bool by_row = magnitude_of_rows(m.at("dora_scale").shape, shape);
  const int64_t kernel = by_row ? 1 : change.columns / static_cast<int64_t>(magnitude.size());
  const auto group = [&](int64_t row, int64_t column) { return static_cast<size_t>(by_row ? row : column / kernel); };
  std::vector<double> lengths(magnitude.size());
  for (int64_t i = 0; i < change.rows; ++i)
    for (int64_t j = 0; j < change.columns; ++j) {
      const double value = weight[static_cast<size_t>(i * change.columns + j)] + static_cast<double>(change.row(i)[j]) * m.scale;
      lengths[group(i, j)] += value * value;
    }
  for (double& length : lengths) length = std::sqrt(length);
  for (int64_t i = 0; i < change.rows; ++i)
    for (int64_t j = 0; j < change.columns; ++j) {
      float& w = weight[static_cast<size_t>(i * change.columns + j)];
      const size_t g = group(i, j);
      const double changed = w + static_cast<double>(change.row(i)[j]) * m.scale;
      const double wanted = lengths[g] > 0 ? changed * (magnitude[g] / lengths[g]) : 0;
      w = static_cast<float>(w + multiplier * (wanted - w));
    }
}

// (IA)^3: a factor for each output, or for each input and its whole kernel.
void merge_ia3(std::span<float> weight, const Shape& shape, const LoraModule& m, float multiplier) {
  const std::vector<float> factors = to_f32(m.at("ia3"));
  const size_t rows = static_cast<size_t>(shape[0]), columns = weight.size() / rows;
  const size_t kernel = columns / std::max<size_t>(1, m.rows == 1 ? factors.size() : columns);
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < columns; ++j) weight[i * columns + j] *= 1 + multiplier * factors[m.rows == 1 ? j / kernel : i];
}

}  // namespace

std::string misfit(const LoraModule& m, const Shape& weight) {
  if (m.kind == LoraModule::Kind::none) return "";
  const int64_t rows = weight.rank() > 0 ? weight[0] : 0, columns = rows > 0 ? weight.numel() / rows : 0;
  const int64_t inputs = weight.rank() > 1 ? weight[1] : 1;
  const bool ia3 = m.kind == LoraModule::Kind::ia3;
  const bool fits = ia3 ? (m.rows == 1 && m.columns == inputs) || (m.columns == 1 && m.rows == rows) : m.rows == rows && m.columns == columns;
  if (!fits) return str("changes [", m.rows, ",", m.columns, "], the layer is ", weight);
  if (!m.has("dora_scale")) return "";
  const Shape& scale = m.at("dora_scale").shape;
  const bool by_row = scale.rank() > 0 && magnitude_of_rows(scale, weight);
  const bool by_column = scale.rank() > 1 && scale[0] == 1 && scale[1] == inputs && scale.numel() == inputs;
  return by_row || by_column ? "" : str("has lengths ", scale, ", the layer is ", weight);
}

void merge_lora(std::span<float> weight, const Shape& shape, const LoraModule& m, const LoraStrength& strength) {
  if (m.kind == LoraModule::Kind::ia3) {
    merge_ia3(weight, shape, m, strength.multiplier);
  } else if (m.kind == LoraModule::Kind::lora && !m.has("dora_scale")) {
    add_lora(weight, lora_factors(m, strength.rank), m.scale * strength.multiplier);
  } else {
    const Matrix change = change_of(m, strength.rank);
    if (m.has("dora_scale"))
      merge_dora(weight, shape, change, m, strength.multiplier);
    else
      add_row(weight.data(), change.values.data(), m.scale * strength.multiplier, static_cast<int64_t>(weight.size()));
  }
}

void add_scaled(std::span<float> to, const TensorView& change, float multiplier) {
  add_row(to.data(), to_f32(change).data(), multiplier, static_cast<int64_t>(to.size()));
}

}  // namespace imagent
