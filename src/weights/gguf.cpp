// Reads GGUF: key/value pairs, then one description a tensor, then the data. Every number is checked against the file.
#include "weights/gguf.h"

#include <algorithm>

#include "base/mapped_file.h"
#include "weights/byte_reader.h"
#include "weights/ggml_types.h"
#include "weights/limits.h"

namespace imagent {
namespace {

enum ValueType : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

// 0 for those that have no fixed size or do not exist.
size_t size_of_value(uint32_t type) {
  constexpr size_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return type < std::size(sizes) ? sizes[type] : 0;
}

struct GgufTensor {
  const GgmlType* type = nullptr;
  Shape shape;
  uint64_t offset = 0, size = 0;  // bytes; the offset counts from the start of the data
};

class GgufFile : public Source {
 public:
  explicit GgufFile(const std::filesystem::path& path) : file_(MappedFile::open(path, ErrorKind::model)), in_(file_->bytes(), path.string()) {
    require(in_.text(4) == "GGUF", "is no GGUF file: it does not start with GGUF");
    const auto version = in_.number<uint32_t>();
    require(__builtin_bswap32(version) > 3, "is a GGUF file of a big-endian machine: only little-endian ones are read");
    require(version == 2 || version == 3, "is a GGUF file of version ", version, ": versions 2 and 3 are read");
    const auto tensors = in_.number<uint64_t>(), pairs = in_.number<uint64_t>();
    require(tensors <= max_tensors, "claims ", tensors, " tensors, more than ", max_tensors);
    require(pairs <= max_metadata, "claims ", pairs, " metadata entries, more than ", max_metadata);
    for (uint64_t i = 0; i < pairs; ++i) read_pair();
    for (uint64_t i = 0; i < tensors; ++i) read_tensor();
    place();
  }

  std::optional<TensorView> find(const std::string& name) const override {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) return std::nullopt;
    const GgufTensor& tensor = found->second;
    const auto bytes = data_.subspan(tensor.offset, tensor.size);
    if (tensor.type->dtype) return TensorView{*tensor.type->dtype, tensor.shape, bytes, file_};
    check(tensor.type->dequantise, ErrorKind::unsupported, origin(), " stores tensor ", name, " as ", tensor.type->name, ": this quantisation is not read (", read_types(), " are)");
    const auto widened = std::make_shared<std::vector<float>>(static_cast<size_t>(tensor.shape.numel()));
    tensor.type->dequantise(reinterpret_cast<const uint8_t*>(bytes.data()), widened->data(), tensor.size / tensor.type->bytes);
    return TensorView{DType::f32, tensor.shape, std::as_bytes(std::span<const float>(*widened)), widened};
  }
  std::optional<TensorInfo> info(const std::string& name) const override {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) return std::nullopt;
    const GgmlType& type = *found->second.type;
    return TensorInfo{std::string(type.dtype ? name_of(*type.dtype) : type.name), found->second.shape};
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    out.reserve(tensors_.size());
    for (const auto& [name, tensor] : tensors_) out.push_back(name);
    return out;
  }
  std::string origin() const override { return file_->path().string(); }
  std::map<std::string, std::string> metadata() const override { return metadata_; }
  void release(const TensorView& view) const override {
    if (lies_in(view.bytes, file_->bytes())) file_->release(view.bytes);
  }

 private:
  template <class... Args>
  void require(bool ok, const Args&... args) const {
    check(ok, ErrorKind::model, file_->path().string(), " ", args...);
  }

  static std::string read_types() {
    std::string names;
    for (const GgmlType& type : ggml_types())
      if (type.dtype || type.dequantise) names += str(names.empty() ? "" : " ", type.name);
    return names;
  }

  std::string_view text() { return in_.text(in_.number<uint64_t>()); }

  std::string name() {
    const std::string_view name = text();
    require(name.size() <= max_name_length, "holds a name of ", name.size(), " bytes, more than ", max_name_length);
    return std::string(name);
  }

  void read_pair() {
    const std::string key = name();
    const auto type = in_.number<uint32_t>();
    if (type == array) {
      read_array(key);
      require(metadata_.emplace(key, "[...]").second, "holds the metadata ", printable(key), " twice");
      return;
    }
    require(type == string || size_of_value(type) > 0, "holds the metadata ", printable(key), " of the unknown type ", type);
    require(metadata_.emplace(key, value(key, type)).second, "holds the metadata ", printable(key), " twice");
  }

  std::string value(const std::string& key, uint32_t type) {
    switch (type) {
      case u8: return str(int{in_.number<uint8_t>()});
      case i8: return str(int{in_.number<int8_t>()});
      case u16: return str(in_.number<uint16_t>());
      case i16: return str(in_.number<int16_t>());
      case u32: {
        const auto number = in_.number<uint32_t>();
        if (key == "general.alignment") alignment_ = number;
        return str(number);
      }
      case i32: return str(in_.number<int32_t>());
      case f32: return str(in_.number<float>());
      case boolean: return in_.number<uint8_t>() ? "true" : "false";
      case u64: return str(in_.number<uint64_t>());
      case i64: return str(in_.number<int64_t>());
      case f64: return str(in_.number<double>());
      default: return std::string(text());
    }
  }

  // Lists (of a language model's words, say) are of no use here: they are only skipped. But ComfyUI's converter stores
  // tensors as rows of 256 elements where their own rows cannot be quantised, and lists their own shape.
  void read_array(const std::string& key) {
    const auto type = in_.number<uint32_t>();
    const auto count = in_.number<uint64_t>();
    constexpr std::string_view own_shape = "comfy.gguf.orig_shape.";
    if (key.starts_with(own_shape) && (type == i32 || type == u32) && count <= 4) {
      std::vector<int64_t>& shape = own_shapes_[key.substr(own_shape.size())];
      for (uint64_t i = 0; i < count; ++i) shape.push_back(in_.number<uint32_t>());
      return;
    }
    if (type == string) {
      for (uint64_t i = 0; i < count; ++i) text();  // ends at the file's end at the latest: every text takes 8 bytes
      return;
    }
    const size_t size = size_of_value(type);
    require(size > 0, "holds the metadata ", printable(key), ", a list of the unknown type ", type);
    require(count <= in_.left() / size, "is truncated or damaged: the metadata ", printable(key), " claims ", count, " values");
    in_.take(count * size);
  }

  void read_tensor() {
    const std::string own = name(), shown = printable(own);
    const auto rank = in_.number<uint32_t>();
    require(rank <= 4, "stores tensor ", shown, " with ", rank, " axes, at most 4 are possible");
    int64_t dims[4] = {};
    uint64_t count = 1;
    for (uint32_t i = 0; i < rank; ++i) {
      const auto dim = in_.number<uint64_t>();
      require(dim > 0 && !__builtin_mul_overflow(count, dim, &count) && count < uint64_t{1} << 60, "stores tensor ", shown, " with an impossible shape");
      dims[rank - 1 - i] = static_cast<int64_t>(dim);  // stored with the innermost first
    }
    GgufTensor tensor;
    const auto type = in_.number<uint32_t>();
    tensor.type = ggml_type(type);
    require(tensor.type, "stores tensor ", shown, " in the unknown type ", type);
    const uint64_t row = rank > 0 ? static_cast<uint64_t>(dims[rank - 1]) : 1, block = tensor.type->block;
    require(row % block == 0, "stores tensor ", shown, " as ", tensor.type->name, " in rows of ", row, " elements, which is no multiple of ", block);
    require(!__builtin_mul_overflow(count / block, uint64_t{tensor.type->bytes}, &tensor.size), "stores tensor ", shown, " with an impossible shape");
    tensor.shape = Shape(std::span<const int64_t>(dims, rank));
    tensor.offset = in_.number<uint64_t>();
    require(tensors_.emplace(own, tensor).second, "holds tensor ", shown, " twice");
  }

  // The data starts at the next multiple of the alignment, and so does each tensor in it.
  void place() {
    require(std::has_single_bit(alignment_), "has the alignment ", alignment_, ", which is no power of two");
    const uint64_t start = (in_.at() + uint64_t{alignment_} - 1) / alignment_ * alignment_, size = file_->bytes().size();
    data_ = file_->bytes().subspan(std::min(start, size));
    for (auto& [name, tensor] : tensors_) {
      require(tensor.offset % alignment_ == 0, "stores tensor ", printable(name), " at byte ", tensor.offset, ", which is no multiple of ", alignment_);
      require(tensor.offset <= data_.size() && tensor.size <= data_.size() - tensor.offset, "is truncated: tensor ", printable(name), " takes ", tensor.size,
              " bytes from byte ", tensor.offset, " of the data on, of which there are ", data_.size());
      if (const auto own = own_shapes_.find(name); own != own_shapes_.end()) tensor.shape = own_shape(name, tensor.shape, own->second);
    }
  }

  Shape own_shape(const std::string& name, const Shape& stored, const std::vector<int64_t>& own) const {
    uint64_t count = 1;
    bool possible = true;
    for (const int64_t dim : own) possible = possible && !__builtin_mul_overflow(count, static_cast<uint64_t>(dim), &count);
    require(possible && count == static_cast<uint64_t>(stored.numel()), "stores tensor ", printable(name), " as ", stored, ", which are not the elements of its own shape");
    return Shape(std::span<const int64_t>(own));
  }

  std::shared_ptr<const MappedFile> file_;
  ByteReader in_;
  uint32_t alignment_ = 32;
  std::span<const std::byte> data_;
  std::map<std::string, GgufTensor> tensors_;
  std::map<std::string, std::vector<int64_t>> own_shapes_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace

std::shared_ptr<const Source> open_gguf(const std::filesystem::path& path) { return std::make_shared<GgufFile>(path); }

}  // namespace imagent
