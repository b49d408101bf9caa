// Where weights come from: tensors by name, as views into mapped files.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace imagent {

// A stored tensor: little-endian elements, dense, in the checkpoint's own axis order (NCHW, [out, in]).
struct TensorView {
  DType dtype = DType::f32;
  Shape shape;
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;  // keeps `bytes` alive
};

// What a file says of a tensor, without its elements.
struct TensorInfo {
  std::string type;                   // as it is stored: "f16", "Q8_0"
  Shape shape;
};

// The elements of a view, widened to f32.
std::vector<float> to_f32(const TensorView& view);

class Source {
 public:
  virtual ~Source() = default;
  virtual std::optional<TensorView> find(const std::string& name) const = 0;
  virtual std::optional<TensorInfo> info(const std::string& name) const;   // of what find() finds, at no cost
  virtual std::vector<std::string> names() const = 0;     // sorted
  virtual std::string origin() const = 0;                 // for messages: the file or folder
  virtual std::map<std::string, std::string> metadata() const { return {}; }
  // It was read: its pages may leave memory. A view of elsewhere is ignored. Errors: model, when the file was written to meanwhile.
  virtual void release(const TensorView&) const {}
};

}  // namespace imagent
