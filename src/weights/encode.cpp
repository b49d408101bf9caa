// Converting a tensor through f32, in pieces that stay in the processor's cache.
#include "weights/encode.h"

#include <algorithm>

#include "weights/byte_reader.h"

namespace imagent {
namespace {

constexpr size_t piece = size_t{1} << 18;  // elements, or bytes of a tensor that stays as it is; a multiple of all blocks

std::span<const uint8_t> as_uint8(std::span<const std::byte> bytes) { return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}; }

void copy(AtomicFile& file, std::span<const std::byte> bytes, const WroteBytes& wrote) {
  constexpr size_t most = 16 * piece;
  for (size_t at = 0; at < bytes.size(); at += most) {
    const auto part = bytes.subspan(at, std::min(most, bytes.size() - at));
    file.write(as_uint8(part));
    wrote(part.size());
  }
}

void convert(AtomicFile& file, const TensorView& view, const StoredType& type, const WroteBytes& wrote) {
  const auto count = static_cast<size_t>(view.shape.numel());
  std::vector<float> values(std::min(piece, count));
  std::vector<uint8_t> stored(type.bytes(static_cast<int64_t>(values.size())));
  for (size_t at = 0; at < count; at += piece) {
    const size_t n = std::min(piece, count - at);
    widen_to_f32(view.dtype, view.bytes.data() + at * size_of(view.dtype), values.data(), n);
    if (type.blocks)
      type.blocks->quantise(values.data(), stored.data(), n / type.blocks->block);
    else
      narrow_from_f32(type.dtype, values.data(), stored.data(), n);
    const size_t size = type.bytes(static_cast<int64_t>(n));
    file.write({stored.data(), size});
    wrote(size);
  }
}

}  // namespace

void encode_tensor(AtomicFile& file, const PlannedTensor& tensor, const Source& source, const WroteBytes& wrote) {
  const auto view = source.find(tensor.name);
  check(view && view->shape == tensor.shape, ErrorKind::model, source.origin(), ": tensor ", printable(tensor.name), " is not there any more as it was");
  if (!tensor.type.blocks && view->dtype == tensor.type.dtype)
    copy(file, view->bytes, wrote);
  else
    convert(file, *view, tensor.type, wrote);
  source.release(*view);
}

uint64_t WeightsPlan::bytes() const {
  uint64_t sum = 0;
  for (const PlannedTensor& tensor : tensors) sum += tensor.bytes();
  return sum;
}

}  // namespace imagent
