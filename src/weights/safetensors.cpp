// Reads safetensors: every number in the header is untrusted and checked against the file.
#include "weights/safetensors.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/mapped_file.h"

namespace imagent {
namespace {

using nlohmann::json;

constexpr uint64_t max_header = 100'000'000;  // the format's own limit

std::optional<DType> dtype_named(std::string_view name) {
  static const std::map<std::string_view, DType> types = {
      {"F64", DType::f64}, {"F32", DType::f32}, {"F16", DType::f16}, {"BF16", DType::bf16}, {"F8_E4M3", DType::f8_e4m3},
      {"F8_E5M2", DType::f8_e5m2}, {"I64", DType::i64}, {"I32", DType::i32}, {"I16", DType::i16}, {"I8", DType::i8},
      {"U8", DType::u8}, {"BOOL", DType::boolean}};
  const auto found = types.find(name);
  return found == types.end() ? std::nullopt : std::optional(found->second);
}

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
    // Depth is bounded so that a hostile header cannot exhaust the stack: the format needs three levels.
    const json::parser_callback_t shallow = [&](int depth, json::parse_event_t, json&) {
      require(depth <= 4, "has a header nested too deeply");
      return true;
    };
    const json header = json::parse(text, text + length, shallow, /*allow_exceptions=*/false);
    require(header.is_object(), "has a header that is no JSON object");
    data_ = bytes.subspan(8 + length);
    for (const auto& [name, entry] : header.items()) name == "__metadata__" ? read_metadata(entry) : read_tensor(name, entry);
    check_overlap();
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
  void release(const TensorView& view) const override { file_->release(view.bytes); }

 private:
  template <class... Args>
  void require(bool ok, const Args&... args) const {
    check(ok, ErrorKind::model, file_->path().string(), " ", args...);
  }

  void read_metadata(const json& entry) {
    require(entry.is_object(), "has metadata that is no JSON object");
    for (const auto& [key, value] : entry.items())
      if (value.is_string()) metadata_[key] = value.get<std::string>();
  }

  void read_tensor(const std::string& name, const json& entry) {
    const auto is_counts = [](const json& list) {
      return list.is_array() && std::all_of(list.begin(), list.end(), [](const json& n) { return n.is_number_unsigned(); });
    };
    require(entry.is_object() && entry.contains("dtype") && entry["dtype"].is_string() && entry.contains("shape") &&
                is_counts(entry["shape"]) && entry.contains("data_offsets") && is_counts(entry["data_offsets"]) &&
                entry["data_offsets"].size() == 2,
            "has a malformed entry for tensor ", name);
    const auto dtype = dtype_named(entry["dtype"].get<std::string>());
    require(dtype.has_value(), "stores tensor ", name, " in the unknown dtype ", entry["dtype"].get<std::string>());
    require(entry["shape"].size() <= Shape::max_rank, "stores tensor ", name, " with ", entry["shape"].size(), " axes");
    const auto dims = entry["shape"].get<std::vector<uint64_t>>();
    uint64_t size = size_of(*dtype);
    for (const uint64_t dim : dims)
      require(!__builtin_mul_overflow(size, dim, &size) && dim < (uint64_t{1} << 62), "stores tensor ", name, " with an impossible shape");
    const auto begin = entry["data_offsets"][0].get<uint64_t>(), end = entry["data_offsets"][1].get<uint64_t>();
    require(begin <= end && end <= data_.size(), "is truncated: tensor ", name, " lies at bytes ", begin, " to ", end,
            " of data, the file has ", data_.size());
    require(end - begin == size, "stores tensor ", name, " in ", end - begin, " bytes, its shape needs ", size);
    std::vector<int64_t> lengths(dims.begin(), dims.end());
    tensors_[name] = TensorView{*dtype, Shape(std::span<const int64_t>(lengths)), data_.subspan(begin, size), file_};
  }

  void check_overlap() const {
    std::vector<std::pair<const std::byte*, const std::byte*>> ranges;
    for (const auto& [name, view] : tensors_)
      if (!view.bytes.empty()) ranges.emplace_back(view.bytes.data(), view.bytes.data() + view.bytes.size());
    std::sort(ranges.begin(), ranges.end());
    for (size_t i = 1; i < ranges.size(); ++i)
      require(ranges[i - 1].second <= ranges[i].first, "has tensors that overlap");
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
