// What steers a run by a picture: a ControlNet or a T2I-Adapter, from a folder in diffusers' layout or a single file; its
// network loads on first use.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "models/controlnet.h"
#include "models/t2i_adapter.h"
#include "weights/source.h"

namespace imagent {

// What it is made of. Errors of open_control(): model (neither of the two, saying what it is instead), unsupported.
struct ControlFiles {
  std::string name;                        // of the folder or file
  std::shared_ptr<const Source> weights;   // under diffusers' names, a T2I-Adapter's without "adapter."
  std::variant<UNetConfig, T2IAdapterConfig> config;
};
ControlFiles open_control(const std::filesystem::path& path, bool prefer_half);

using ControlNetwork = std::variant<ControlNetModel, T2IAdapter>;

class LoadedControl {
 public:
  LoadedControl(ControlFiles files, Backend& backend, DType compute) : files_(std::move(files)), backend_(backend), compute_(compute) {}

  const ControlFiles& files() const { return files_; }
  Backend& backend() const { return backend_; }
  DType compute() const { return compute_; }
  const ControlNetwork& network();
  size_t packed_bytes() const { return packed_bytes_; }

 private:
  ControlFiles files_;
  Backend& backend_;
  DType compute_;
  std::optional<ControlNetwork> network_;
  size_t packed_bytes_ = 0;
};

// Of all of them; one that stands there twice counts once.
size_t packed_bytes(const std::vector<LoadedControl*>& controls);

}  // namespace imagent
