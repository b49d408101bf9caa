// One pass over the header's JSON. Its form is fixed: {name: {"dtype": text, "shape": [counts], "data_offsets": [counts]}}
// and {"__metadata__": {text: text}}.
#include "weights/safetensors_header.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tensor/shape.h"
#include "weights/byte_reader.h"
#include "weights/limits.h"

namespace imagent {
namespace {

class Reader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Reader(const std::string& origin) : origin_(origin) {}
  SafetensorsHeader take() { return std::move(header_); }

  bool start_object(size_t) override {
    require(depth_ == 0 || (depth_ == 1 && !list_), "an object where none belongs");
    ++depth_;
    return true;
  }
  bool end_object() override {
    if (depth_ == 2 && entry_) require(!entry_->dtype.empty() && has_shape_ && entry_->data_offsets.size() == 2, "an entry without dtype, shape or two data_offsets");
    entry_ = nullptr;
    --depth_;
    return true;
  }
  bool key(std::string& key) override {
    if (depth_ == 1)
      begin(key);
    else
      field_ = std::move(key);
    return true;
  }
  bool string(std::string& text) override {
    require(depth_ == 2 && !list_, "a text where none belongs");
    if (!entry_) {
      require(header_.metadata.size() < max_metadata, "more than ", max_metadata, " metadata entries");
      header_.metadata[field_] = std::move(text);
    } else {
      require(field_ == "dtype", "a text as ", printable(field_));
      entry_->dtype = std::move(text);
    }
    return true;
  }
  bool start_array(size_t) override {
    require(depth_ == 2 && entry_ && !list_ && (field_ == "shape" || field_ == "data_offsets"), "a list where none belongs");
    list_ = field_ == "shape" ? &entry_->shape : &entry_->data_offsets;
    list_->clear();
    has_shape_ |= field_ == "shape";
    return true;
  }
  bool end_array() override {
    list_ = nullptr;
    return true;
  }
  bool number_unsigned(uint64_t number) override {
    require(list_, "a number where none belongs");
    require(list_->size() < Shape::max_rank, field_, " of more than ", Shape::max_rank, " numbers");
    list_->push_back(number);
    return true;
  }
  bool number_integer(int64_t) override { return wrong("a negative number"); }
  bool number_float(double, const std::string&) override { return wrong("a number that is no integer"); }
  bool boolean(bool) override { return wrong("true or false"); }
  bool null() override { return wrong("null"); }
  bool binary(binary_t&) override { return wrong("binary data"); }
  bool parse_error(size_t at, const std::string&, const nlohmann::json::exception&) override {
    fail(ErrorKind::model, origin_, " has a header that is no JSON: mistake at byte ", at);
  }

 private:
  template <class... Args>
  void require(bool ok, const Args&... args) const {
    check(ok, ErrorKind::model, origin_, " has a malformed header, ", args..., name_.empty() ? "" : " in the entry ", printable(name_));
  }
  bool wrong(const char* what) const {
    require(false, what);
    return false;
  }
  void begin(const std::string& name) {
    name_ = name;
    if (name == "__metadata__") return;
    require(header_.tensors.size() < max_tensors, "more than ", max_tensors, " tensors");
    const auto [at, fresh] = header_.tensors.try_emplace(name);
    require(fresh, "two entries");
    entry_ = &at->second;
    has_shape_ = false;
  }

  const std::string& origin_;
  SafetensorsHeader header_;
  int depth_ = 0;
  std::string name_, field_;
  SafetensorsEntry* entry_ = nullptr;  // of the tensor that is being read
  std::vector<uint64_t>* list_ = nullptr;
  bool has_shape_ = false;
};

}  // namespace

static constexpr std::pair<std::string_view, DType> dtypes[] = {
    {"F64", DType::f64}, {"F32", DType::f32}, {"F16", DType::f16}, {"BF16", DType::bf16}, {"F8_E4M3", DType::f8_e4m3}, {"F8_E5M2", DType::f8_e5m2},
    {"I64", DType::i64}, {"I32", DType::i32}, {"I16", DType::i16}, {"I8", DType::i8},     {"U64", DType::u64},         {"U32", DType::u32},
    {"U16", DType::u16}, {"U8", DType::u8},   {"BOOL", DType::boolean}};

std::string_view safetensors_dtype(DType type) {
  return std::find_if(std::begin(dtypes), std::end(dtypes), [&](const auto& row) { return row.second == type; })->first;
}

std::optional<DType> safetensors_dtype(std::string_view name) {
  const auto* found = std::find_if(std::begin(dtypes), std::end(dtypes), [&](const auto& row) { return row.first == name; });
  return found == std::end(dtypes) ? std::nullopt : std::optional(found->second);
}

SafetensorsHeader read_safetensors_header(std::string_view json, const std::string& origin) {
  Reader reader(origin);
  nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  return reader.take();
}

}  // namespace imagent
