// Memory, packing and data movement of the reference backend.
#include "reference/reference_backend.h"

#include <cstring>

#include "reference/values.h"

namespace imagent {

ReferenceBackend::ReferenceBackend() : pool_(BufferPool::create()) {}

void ReferenceBackend::upload(Tensor& to, const void* from) { std::memcpy(to.data(), from, to.bytes()); }
void ReferenceBackend::download(const Tensor& from, void* to) { std::memcpy(to, from.data(), from.bytes()); }

static Packed pack(const HostView& weight, const HostView& bias, DType compute) {
  const Shape& shape = weight.shape;
  auto data = std::make_shared<ReferenceWeight>();
  data->weight = read_values(weight, compute);
  if (bias.data) data->bias = read_values(bias, DType::f32);
  const size_t bytes = (data->weight.size() + data->bias.size()) * sizeof(float);
  const bool conv = shape.rank() == 4;
  return {shape[1], shape[0], conv ? static_cast<int>(shape[2]) : 1, conv ? static_cast<int>(shape[3]) : 1, compute, bytes, data};
}

Packed ReferenceBackend::pack_linear(const HostView& weight, const HostView& bias, DType compute) { return pack(weight, bias, compute); }
Packed ReferenceBackend::pack_conv2d(const HostView& weight, const HostView& bias, DType compute) { return pack(weight, bias, compute); }

Packed ReferenceBackend::pack_table(const HostView& table, DType compute) {
  auto data = std::make_shared<ReferenceTable>();
  data->view = table;
  return {table.shape[0], table.shape[1], 1, 1, compute, 0, data};
}

void ReferenceBackend::embed(Tensor& y, std::span<const int32_t> ids, const Packed& table) {
  ++calls_;
  const HostView& view = static_cast<const ReferenceTable&>(*table.data).view;
  std::vector<float> out(static_cast<size_t>(y.numel()));
  const auto width = static_cast<size_t>(table.out);
  const auto* bytes = static_cast<const char*>(view.data);
  for (size_t i = 0; i < ids.size(); ++i)
    widen_to_f32(view.dtype, bytes + static_cast<size_t>(ids[i]) * width * size_of(view.dtype), out.data() + i * width, width);
  write_values(y, out);
}

void ReferenceBackend::cast(Tensor& y, const Tensor& x) {
  ++calls_;
  write_values(y, read_values(x));
}

void ReferenceBackend::concat_channels(Tensor& y, std::span<const Tensor> parts) {
  ++calls_;
  std::vector<float> out(static_cast<size_t>(y.numel()));
  const int64_t width = y.dim(-1), rows = width ? y.numel() / width : 0;
  int64_t at = 0;
  for (const Tensor& part : parts) {
    const std::vector<float> in = read_values(part);
    const int64_t channels = part.dim(-1);
    for (int64_t r = 0; r < rows; ++r) std::copy_n(&in[r * channels], channels, &out[r * width + at]);
    at += channels;
  }
  write_values(y, out);
}

void ReferenceBackend::upsample_nearest(Tensor& y, const Tensor& x) {
  ++calls_;
  const std::vector<float> in = read_values(x);
  std::vector<float> out(static_cast<size_t>(y.numel()));
  const int64_t channels = x.dim(3);
  for (int64_t n = 0; n < y.dim(0); ++n)
    for (int64_t i = 0; i < y.dim(1); ++i)
      for (int64_t j = 0; j < y.dim(2); ++j) {
        const int64_t si = i * x.dim(1) / y.dim(1), sj = j * x.dim(2) / y.dim(2);
        std::copy_n(&in[((n * x.dim(1) + si) * x.dim(2) + sj) * channels], channels, &out[((n * y.dim(1) + i) * y.dim(2) + j) * channels]);
      }
  write_values(y, out);
}

void ReferenceBackend::wrap(Tensor& y, const Tensor& x, const Border& border) {
  ++calls_;
  const std::vector<float> in = read_values(x);
  std::vector<float> out(static_cast<size_t>(y.numel()));
  const int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3);
  for (int64_t n = 0; n < y.dim(0); ++n)
    for (int64_t i = 0; i < y.dim(1); ++i)
      for (int64_t j = 0; j < y.dim(2); ++j) {
        const int64_t si = ((i - border.top) % height + height) % height, sj = ((j - border.left) % width + width) % width;
        std::copy_n(&in[((n * height + si) * width + sj) * channels], channels, &out[((n * y.dim(1) + i) * y.dim(2) + j) * channels]);
      }
  write_values(y, out);
}

}  // namespace imagent
