// Enlarging finished pictures for callers, beside what the engine draws: on a device of its own, one picture at a time.
#pragma once
#include <memory>
#include <mutex>
#include <string>

#include "hub/digest.h"
#include "pipeline/engine.h"
#include "pipeline/upscale.h"
#include "server/catalog.h"

namespace imagent::server {

class Upscaling {
 public:
  Upscaling(const Catalog& catalog, const EngineOptions& engine) : catalog_(catalog), engine_(engine) {}  // on its kind of device

  // "Lanczos", "Nearest", ..., then the networks of the catalog.
  std::vector<std::string> names() const;
  // Whether `name` is a network of the catalog. Errors: model, when there is no such upscaler.
  bool is_network(const std::string& name) const;
  // Errors: model; those of make_upscaler() and Upscaler; cancelled, between two tiles.
  Image operator()(const std::string& name, const Image& image, Size target, const Cancelled& cancelled);

 private:
  const Upscaler& open(const std::string& name);

  const Catalog& catalog_;
  const EngineOptions engine_;
  std::mutex mutex_;
  std::shared_ptr<Backend> backend_;
  std::string opened_;                       // the name of the last one
  std::unique_ptr<const Upscaler> upscaler_;
};

}  // namespace imagent::server
