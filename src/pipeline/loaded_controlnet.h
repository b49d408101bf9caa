// A ControlNet from a folder in diffusers' layout or a single file; its network loads on first use.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/controlnet.h"
#include "weights/source.h"

namespace imagent {

// What it is made of. Errors of open_controlnet(): model (no ControlNet, saying what it is instead), unsupported.
struct ControlNetFiles {
  std::string name;                        // of the folder or file
  std::shared_ptr<const Source> weights;   // under diffusers' names
  UNetConfig config;
};
ControlNetFiles open_controlnet(const std::filesystem::path& path, bool prefer_half);

class LoadedControlNet {
 public:
  LoadedControlNet(ControlNetFiles files, Backend& backend, DType compute) : files_(std::move(files)), backend_(backend), compute_(compute) {}

  const ControlNetFiles& files() const { return files_; }
  Backend& backend() const { return backend_; }
  DType compute() const { return compute_; }
  const ControlNetModel& model();
  size_t packed_bytes() const { return packed_bytes_; }

 private:
  ControlNetFiles files_;
  Backend& backend_;
  DType compute_;
  std::optional<ControlNetModel> model_;
  size_t packed_bytes_ = 0;
};

// Of all of them; one that stands there twice counts once.
size_t packed_bytes(const std::vector<LoadedControlNet*>& nets);

}  // namespace imagent
