// Tensors of given shapes, all zeros: for names and shapes of models whose files are too large for tests.
#pragma once
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "weights/source.h"

namespace imagent::test {

using Shapes = std::map<std::string, std::vector<int64_t>>;

// From golden/manifests: {name -> [dtype, shape]}.
inline Shapes shapes_of(const nlohmann::json& list) {
  Shapes shapes;
  for (const auto& [name, entry] : list.items()) shapes[name] = entry[1].get<std::vector<int64_t>>();
  return shapes;
}

inline Shapes shapes_of(const Source& source) {
  Shapes shapes;
  for (const std::string& name : source.names()) {
    const Shape shape = source.find(name)->shape;
    shapes[name] = {shape.begin(), shape.end()};
  }
  return shapes;
}

class ZeroSource : public Source {
 public:
  explicit ZeroSource(Shapes shapes, std::map<std::string, std::string> metadata = {}, std::string origin = "zeros")
      : shapes_(std::move(shapes)), metadata_(std::move(metadata)), origin_(std::move(origin)), zeros_(std::calloc(size_t{256} << 20, 1), std::free) {}
  std::optional<TensorView> find(const std::string& name) const override {
    const auto found = shapes_.find(name);
    if (found == shapes_.end()) return std::nullopt;
    const Shape shape{std::span<const int64_t>(found->second)};
    return TensorView{DType::f32, shape, {static_cast<const std::byte*>(zeros_.get()), static_cast<size_t>(4 * shape.numel())}, zeros_};
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, shape] : shapes_) out.push_back(name);
    return out;
  }
  std::string origin() const override { return origin_; }
  std::map<std::string, std::string> metadata() const override { return metadata_; }

 private:
  Shapes shapes_;
  std::map<std::string, std::string> metadata_;
  std::string origin_;
  std::shared_ptr<void> zeros_;  // never touched, so never in memory
};

}  // namespace imagent::test
