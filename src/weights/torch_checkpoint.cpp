// Tensors of a checkpoint: which dict holds them, where their elements lie, and gathering those that are strided.
#include "weights/torch_checkpoint.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "base/mapped_file.h"
#include "weights/byte_reader.h"
#include "weights/limits.h"
#include "weights/torch_storages.h"

namespace imagent {
namespace {

using Kind = PickledValue::Kind;

constexpr size_t max_dicts = 10'000;

// A tensor whose every element was checked to lie in `storage`.
struct StridedTensor {
  DType dtype;
  Shape shape, strides;
  std::span<const std::byte> storage;  // from the tensor's first element on
};

bool dense(const StridedTensor& tensor) {
  if (tensor.shape.numel() == 0) return true;
  int64_t expected = 1;
  for (int axis = tensor.shape.rank() - 1; axis >= 0; --axis) {
    if (tensor.shape[axis] > 1 && tensor.strides[axis] != expected) return false;
    expected *= tensor.shape[axis];
  }
  return true;
}

// The elements in row order.
std::shared_ptr<const std::vector<std::byte>> gather(const StridedTensor& tensor) {
  const size_t width = size_of(tensor.dtype);
  const auto count = static_cast<size_t>(tensor.shape.numel());
  auto out = std::make_shared<std::vector<std::byte>>(count * width);
  std::array<int64_t, Shape::max_rank> index{};
  int64_t from = 0;
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(out->data() + i * width, tensor.storage.data() + static_cast<size_t>(from) * width, width);
    for (int axis = tensor.shape.rank() - 1; axis >= 0; --axis) {
      from += tensor.strides[axis];
      if (++index[axis] < tensor.shape[axis]) break;
      from -= tensor.strides[axis] * tensor.shape[axis];
      index[axis] = 0;
    }
  }
  return out;
}

class TorchCheckpoint : public Source {
 public:
  explicit TorchCheckpoint(const std::filesystem::path& path) : file_(MappedFile::open(path, ErrorKind::model)) {
    const TorchContent content = read_torch_content(file_->bytes(), origin());
    read_tensors(content);
  }

  std::optional<TensorView> find(const std::string& name) const override {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) return std::nullopt;
    const StridedTensor& tensor = found->second;
    if (dense(tensor)) {
      const auto size = static_cast<size_t>(tensor.shape.numel()) * size_of(tensor.dtype);
      return TensorView{tensor.dtype, tensor.shape, tensor.storage.first(size), file_};
    }
    auto elements = gather(tensor);
    return TensorView{tensor.dtype, tensor.shape, *elements, elements};
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    out.reserve(tensors_.size());
    for (const auto& [name, tensor] : tensors_) out.push_back(name);
    return out;
  }
  std::string origin() const override { return file_->path().string(); }
  void release(const TensorView& view) const override {
    if (lies_in(view.bytes, file_->bytes())) file_->release(view.bytes);
  }

 private:
  template <class... Args>
  void require(bool ok, const Args&... args) const {
    check(ok, ErrorKind::model, origin(), " ", args...);
  }

  // Every dict is entered once and at most three deep, whatever refers to it: a pickle may contain itself.
  void read_tensors(const TorchContent& content) {
    const Pickle& pickle = content.pickle;
    const PickledValue* root = &pickle.values[pickle.root];
    for (const char* key : {"state_dict", "params_ema", "params"}) {
      const PickledValue* inner = pickle.get(*root, key);
      if (inner && inner->kind == Kind::dict) {
        root = inner;
        break;
      }
    }
    require(root->kind == Kind::dict, "holds no dict of tensors");
    std::set<const PickledValue*> entered = {root};
    std::vector<std::pair<std::string, const PickledValue*>> level = {{"", root}};
    for (int depth = 0; depth < 3 && !level.empty(); ++depth) {
      std::vector<std::pair<std::string, const PickledValue*>> below;
      for (const auto& [prefix, dict] : level)
        for (uint32_t at = dict->first; at != Pickle::end; at = pickle.entries[at].next) {
          const PickledValue& key = pickle.values[pickle.entries[at].key];
          const PickledValue* value = &pickle.values[pickle.entries[at].value];
          if (key.kind != Kind::text || (value->kind != Kind::tensor && value->kind != Kind::dict)) continue;
          const std::string_view text = pickle.text(key);
          require(prefix.size() + text.size() <= max_name_length, "holds a tensor with a name of more than ", max_name_length, " bytes");
          if (value->kind == Kind::tensor)
            add(prefix + std::string(text), pickle.tensors[value->first], content);
          else if (entered.insert(value).second)
            below.emplace_back(prefix + std::string(text) + ".", value);
          require(entered.size() <= max_dicts, "holds more than ", max_dicts, " dicts");
        }
      level = std::move(below);
    }
  }

  void add(const std::string& name, const PickledTensor& tensor, const TorchContent& content) {
    const PickledStorage& storage = content.pickle.storages[tensor.storage];
    const auto found = content.storages.find(storage.key);
    require(found != content.storages.end(), "lacks storage ", printable(storage.key), " of tensor ", printable(name));
    const std::span<const std::byte> bytes = found->second;
    const uint64_t width = size_of(tensor.dtype), stored = bytes.size() / width;
    const uint64_t claimed = storage.dtype ? storage.numel : storage.numel / width;
    require(storage.first <= stored && claimed <= stored - storage.first, "is truncated or damaged: the storage of tensor ", printable(name), " should hold ", claimed,
            " elements and has ", bytes.size(), " bytes");
    uint64_t reach = tensor.offset, count = 1;  // one past the last element that the tensor touches
    bool possible = true;
    for (int axis = 0; axis < tensor.shape.rank(); ++axis) {
      const auto dim = static_cast<uint64_t>(tensor.shape[axis]), stride = static_cast<uint64_t>(tensor.strides[axis]);
      uint64_t step;
      possible = possible && !__builtin_mul_overflow(count, dim, &count) &&
                 (dim == 0 || (!__builtin_mul_overflow(dim - 1, stride, &step) && !__builtin_add_overflow(reach, step, &reach)));
    }
    require(possible, "holds tensor ", printable(name), " with an impossible shape");
    require(count == 0 ? tensor.offset <= claimed : reach < claimed, "is damaged: tensor ", printable(name), " reaches out of its storage of ", claimed, " elements");
    // A stride of 0 repeats elements: the whole may still not be larger than the file.
    require(count <= file_->bytes().size() / width, "holds tensor ", printable(name), " that expands to ", count, " elements, more than the whole file");
    require(tensors_.size() < max_tensors, "holds more than ", max_tensors, " tensors");
    Shape strides = tensor.strides;  // those of single elements are never stepped and may be anything
    for (int axis = 0; axis < strides.rank(); ++axis)
      if (tensor.shape[axis] == 1) strides[axis] = 0;
    tensors_[name] = {tensor.dtype, tensor.shape, strides, bytes.subspan(std::min<uint64_t>((storage.first + tensor.offset) * width, bytes.size()))};
  }

  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, StridedTensor> tensors_;
};

}  // namespace

std::shared_ptr<const Source> open_torch_checkpoint(const std::filesystem::path& path) {
  return std::make_shared<TorchCheckpoint>(path);
}

}  // namespace imagent
