// A scope in a tree of weights: Source + prefix + backend + compute dtype. Modules are built by walking it: w / "conv1".
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/backend.h"
#include "weights/source.h"

namespace imagent {

class Weights {
 public:
  Weights(std::shared_ptr<const Source> source, Backend& backend, DType compute);

  Weights operator/(std::string_view name) const;
  Weights operator/(int index) const;

  // Whether a tensor of this name, or any below it, exists.
  bool has(std::string_view name) const;

  // The tensors of this scope, packed for the backend: `weight` and, when present, `bias`. A missing one is noted for
  // finish() and gives an empty Packed. linear() takes a 1x1 convolution's weight as well.
  Packed linear() const;
  Packed conv2d() const;
  Packed table() const;
  NormParams norm(float eps) const;
  std::vector<float> values(std::string_view name) const;  // a vector, widened; empty when it is missing
  Tensor parameter(std::string_view name) const;           // of any shape, f32; holds nothing when it is missing
  Shape shape(std::string_view name) const;  // of a tensor of this scope; rank 0 when it is missing

  // A part that the checkpoint may lack, and a list whose length the checkpoint decides.
  template <class T, class... Args>
  std::optional<T> maybe(std::string_view name, const Args&... args) const {
    if (!has(name)) return std::nullopt;
    return std::optional<T>(std::in_place, *this / name, args...);
  }
  template <class T, class... Args>
  std::vector<T> list(std::string_view name, const Args&... args) const {
    std::vector<T> parts;
    const Weights scope = *this / name;
    for (int i = 0; scope.has(std::to_string(i)); ++i) parts.emplace_back(scope / i, args...);
    return parts;
  }

  // To be called when the model is built. Errors: model, listing tensors that are missing and those that nobody asked for,
  // except those whose full name starts with one of `unneeded`.
  void finish(const std::vector<std::string>& unneeded = {}) const;

  // Packs the weights of a module (its full name) again, out of a source with tensors of the same shapes, into their places
  // in the model that was built from here; a module that was not built is left alone. All or nothing: after an error the
  // module has what it had. Errors: model.
  void repack(const std::string& module, const std::shared_ptr<const Source>& source) const;

  const std::shared_ptr<const Source>& source() const { return source_; }
  size_t packed_bytes() const { return ledger_->packed_bytes; }
  // Convolutions of this scope go on at the other side of the picture.
  void wrap_convolutions() { wraps_ = true; }
  bool wraps() const { return wraps_; }
  Backend& backend() const { return *backend_; }
  DType compute() const { return compute_; }

 private:
  enum class Kind { linear, conv2d, table, norm };
  // What the model got for a module; it shares the memory.
  struct Slot {
    Kind kind;
    Packed packed;
    NormParams norm;
  };
  struct Ledger {
    std::vector<std::string> names;  // sorted
    std::set<std::string> asked, missing;
    std::multimap<std::string, Slot> slots;  // by module: layers may share one
    size_t packed_bytes = 0;
  };

  std::string full(std::string_view name) const;
  std::optional<TensorView> take(std::string_view name, bool required) const;
  Packed packed(Kind kind) const;  // packs, and notes the slot
  Packed pack(Kind kind) const;
  Packed pack_product(bool conv) const;
  Packed pack_table() const;

  std::shared_ptr<const Source> source_;
  std::shared_ptr<Ledger> ledger_;
  std::string prefix_;
  Backend* backend_;
  DType compute_;
  bool wraps_ = false;
};

}  // namespace imagent
