// Reads safetensors: every number in the header is untrusted and checked against the file.
#include "weights/safetensors.h"

#include <algorithm>
#include <cstring>

#include "base/mapped_file.h"
#include "weights/byte_reader.h"
#include "weights/safetensors_header.h"

namespace imagent {
namespace {

constexpr uint64_t max_header = 100'000'000;  // the format's own limit

class SafetensorsFile : public Source {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path) : file_(MappedFile::open(path, ErrorKind::model)) {
    const auto bytes = file_->bytes();
    require(bytes.size() >= 8, "is truncated: ", bytes.size(), " bytes, a header needs at least 8");
    uint64_t length;
    std::memcpy(&length, bytes.data(), 8);
    require(length <= max_header, "claims a header of ", length, " bytes, more than the format's limit of ", max_header,
            ": it is no safetensors file");
    require(length <= bytes.size() - 8, "is truncated: its header of ", length, " bytes does not fit in ", bytes.size(), " bytes");
    const auto* text = reinterpret_cast<const char*>(bytes.data() + 8);
    SafetensorsHeader header = read_safetensors_header({text, length}, origin());
    metadata_ = std::move(header.metadata);
    data_ = bytes.subspan(8 + length);
    for (const auto& [name, entry] : header.tensors) read_tensor(name, entry);
    check_cover();
  }

  std::optional<TensorView> find(const std::string& name) const override {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    out.reserve(tensors_.size());
    for (const auto& [name, view] : tensors_) out.push_back(name);
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

  void read_tensor(const std::string& name, const SafetensorsEntry& entry) {
    const auto dtype = safetensors_dtype(entry.dtype);
    require(dtype.has_value(), "stores tensor ", printable(name), " in the unknown dtype ", printable(entry.dtype));
    uint64_t size = size_of(*dtype);
    for (const uint64_t dim : entry.shape)
      require(!__builtin_mul_overflow(size, dim, &size) && dim < (uint64_t{1} << 62), "stores tensor ", printable(name), " with an impossible shape");
    const uint64_t begin = entry.data_offsets[0], end = entry.data_offsets[1];
    require(begin <= end && end <= data_.size(), "is truncated: tensor ", printable(name), " lies at bytes ", begin, " to ", end,
            " of data, the file has ", data_.size());
    require(end - begin == size, "stores tensor ", printable(name), " in ", end - begin, " bytes, its shape needs ", size);
    std::vector<int64_t> lengths(entry.shape.begin(), entry.shape.end());
    tensors_[name] = TensorView{*dtype, Shape(std::span<const int64_t>(lengths)), data_.subspan(begin, size), file_};
  }

  // The tensors have to fill the data without overlap or hole, so that nothing can hide in a file.
  void check_cover() const {
    std::vector<std::span<const std::byte>> ranges;
    ranges.reserve(tensors_.size());
    for (const auto& [name, view] : tensors_)
      if (!view.bytes.empty()) ranges.push_back(view.bytes);
    std::sort(ranges.begin(), ranges.end(), [](auto a, auto b) { return a.data() < b.data(); });
    const std::byte* end = data_.data();
    for (const auto range : ranges) {
      require(range.data() == end, range.data() < end ? "has tensors that overlap" : "has a hole between its tensors");
      end = range.data() + range.size();
    }
    require(end == data_.data() + data_.size(), "has bytes after its last tensor");
  }

  std::shared_ptr<const MappedFile> file_;
  std::span<const std::byte> data_;
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace

std::shared_ptr<const Source> open_safetensors(const std::filesystem::path& path) {
  return std::make_shared<SafetensorsFile>(path);
}

}  // namespace imagent
