// Rows of a table.
#include "tensor/embed_rows.h"

#include <cstring>
#include <vector>

namespace imagent {

void embed_rows(const HostView& table, std::span<const int32_t> ids, DType dtype, void* to) {
  const auto width = static_cast<size_t>(table.shape[1]), bytes = width * size_of(table.dtype);
  std::vector<float> row(width);
  auto* at = static_cast<char*>(to);
  for (const int32_t id : ids) {
    const char* from = static_cast<const char*>(table.data) + static_cast<size_t>(id) * bytes;
    if (table.dtype == dtype) {
      std::memcpy(at, from, bytes);
    } else {
      widen_to_f32(table.dtype, from, row.data(), width);
      narrow_from_f32(dtype, row.data(), at, width);
    }
    at += width * size_of(dtype);
  }
}

}  // namespace imagent
