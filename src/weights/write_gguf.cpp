// Writes GGUF files, version 3. Format: github.com/ggml-org/ggml, docs/gguf.md.
#include "weights/encode.h"

namespace imagent {
namespace {

constexpr uint64_t alignment = 32;
constexpr uint32_t version = 3, string_value = 8;

uint64_t aligned(uint64_t size) { return (size + alignment - 1) / alignment * alignment; }

class Header {
 public:
  template <class T>
  void number(T value) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof value);
  }
  void text(std::string_view text) {
    number<uint64_t>(text.size());
    bytes_.insert(bytes_.end(), text.begin(), text.end());
  }
  void align() { bytes_.resize(aligned(bytes_.size())); }
  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_ = {'G', 'G', 'U', 'F'};
};

const GgmlType& type_of(const PlannedTensor& tensor) {
  const GgmlType* type = tensor.type.blocks ? tensor.type.blocks : ggml_type(tensor.type.dtype);
  check(type, ErrorKind::unsupported, "GGUF files hold no tensors of type ", tensor.type.name(), " (", tensor.name, ")");
  check(tensor.shape.rank() <= 4, ErrorKind::unsupported, "GGUF files hold no tensors of ", tensor.shape.rank(), " axes (", tensor.name, ")");
  return *type;
}

}  // namespace

void write_gguf(AtomicFile& file, const WeightsPlan& plan, const Source& source, const WroteBytes& wrote) {
  Header header;
  header.number(version);
  header.number<uint64_t>(plan.tensors.size());
  header.number<uint64_t>(plan.metadata.size());
  for (const auto& [key, value] : plan.metadata) {
    header.text(key);
    header.number(string_value);
    header.text(value);
  }
  uint64_t at = 0;
  for (const PlannedTensor& tensor : plan.tensors) {
    header.text(tensor.name);
    header.number(static_cast<uint32_t>(tensor.shape.rank()));
    for (int axis = tensor.shape.rank(); axis-- > 0;) header.number(static_cast<uint64_t>(tensor.shape[axis]));  // innermost first
    header.number(type_of(tensor).id);
    header.number(at);
    at += aligned(tensor.bytes());
  }
  header.align();
  file.write(header.bytes());
  for (const PlannedTensor& tensor : plan.tensors) {
    encode_tensor(file, tensor, source, wrote);
    constexpr uint8_t zeros[alignment] = {};
    file.write({zeros, aligned(tensor.bytes()) - tensor.bytes()});
  }
}

}  // namespace imagent
