// A restricted unpickler: tensors, dicts, lists, tuples, texts and numbers, and nothing else. No code is ever run, no class
// is looked up. A pickle may name anything, as training programs do with the classes of their callbacks; one that calls or
// makes anything beyond the short list in pickle_names.cpp is refused with that name.
// Format: CPython's Lib/pickletools.py; what tensors look like: torch/_utils.py, torch/serialization.py.
#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace imagent {

// A storage that the pickle refers to; its elements lie elsewhere in the file, under `key`.
struct PickledStorage {
  std::string_view key;
  std::optional<DType> dtype;  // none: untyped bytes, the tensor tells the type
  uint64_t numel = 0;          // bytes when untyped
  uint64_t first = 0;          // of the legacy format: this storage is `numel` elements of the keyed one from `first` on
};

struct PickledTensor {
  uint32_t storage = 0;        // index into Pickle::storages
  DType dtype = DType::f32;
  uint64_t offset = 0;         // elements
  Shape shape, strides;        // elements
};

// One object. Containers refer to others by index, so that neither reading nor dropping a pickle recurses.
struct PickledValue {
  // `opaque`: something that weights do not need (real numbers, bytes, integers beyond 64 bits, numpy's numbers and arrays).
  // `unknown`: a function or class that is not on the list, and so can only be referred to.
  enum class Kind : uint8_t { none, boolean, integer, text, tuple, list, dict, storage, tensor, function, storage_type, dtype, opaque, unknown };
  Kind kind = Kind::none;
  uint8_t id = 0;       // function, storage_type, dtype: which one
  uint32_t first = 0;   // boolean: 0 or 1; text: position; tuple: first of Pickle::items; list, dict: first of Pickle::entries; storage, tensor: index; unknown: module, index into Pickle::values
  uint32_t second = 0;  // text: length; tuple: number of items; list, dict: last of Pickle::entries; unknown: name, like the module

  // An integer fills `first` and `second`.
  int64_t integer() const { return static_cast<int64_t>(uint64_t{second} << 32 | first); }
};

struct Pickle {
  static constexpr uint32_t end = UINT32_MAX;
  struct Entry {
    uint32_t key, value, next; // values of a list have no key; `next` is `end` at the last
  };

  std::string_view bytes;      // of the pickle itself: it has to outlive the texts
  std::vector<PickledValue> values;
  std::vector<uint32_t> items;
  std::vector<Entry> entries;
  std::vector<PickledStorage> storages;
  std::vector<PickledTensor> tensors;
  uint32_t root = 0;           // index into values

  std::string_view text(const PickledValue& value) const { return bytes.substr(value.first, value.second); }
  // The value of a text key in a dict, nullptr when it is not there; of several the last, as in Python.
  const PickledValue* get(const PickledValue& dict, std::string_view key) const {
    const PickledValue* found = nullptr;
    if (dict.kind != PickledValue::Kind::dict) return found;
    for (uint32_t at = dict.first; at != end; at = entries[at].next) {
      const PickledValue& own = values[entries[at].key];
      if (own.kind == PickledValue::Kind::text && text(own) == key) found = &values[entries[at].value];
    }
    return found;
  }
};

// Reads one pickle (protocol 2 to 5) from the start of `bytes` and says in `length` how long it was. `origin` is the file's
// name for messages. Errors: model (truncated, damaged, too large, or it names something that weights do not need).
Pickle read_pickle(std::span<const std::byte> bytes, const std::string& origin, size_t& length);

}  // namespace imagent
