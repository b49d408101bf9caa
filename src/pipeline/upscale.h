// Enlarging finished pictures: by a network (models/esrgan.h) tile by tile, or by resampling. One name stands for either.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "image/image.h"
#include "pipeline/request.h"
#include "tensor/backend.h"

namespace imagent {

using TileProgress = std::function<void(int done, int total)>;

class Upscaler {
 public:
  virtual ~Upscaler() = default;
  virtual std::string name() const = 0;           // "Lanczos", "RealESRGAN_x4plus"
  virtual int scale() const { return 0; }         // a network's own enlargement, 0: any
  // The picture at the size `target`, with as many channels. A network is applied until the picture is large enough, at
  // most three times, and Lanczos does the rest, as in the AUTOMATIC1111 web UI (modules/upscaler.py).
  // Errors: image (size), memory, cancelled (by the backend's flag).
  virtual Image operator()(const Image& image, Size target, const TileProgress& progress = {}) const = 0;
};

struct UpscalerOptions {
  Backend* backend = nullptr;
  DType compute = DType::f32;
  std::filesystem::path folder = {};              // where the files of networks lie that are given by name
  std::optional<int> tile = {};                   // side in pixels of the input, 0: the whole picture; absent: as memory allows
  size_t memory_limit = 0;                        // bytes for one tile's work, 0: what the machine has
  std::function<void(const std::string&)> note = {};  // a line for the user
};

// `name`: nearest, area, bilinear, bicubic, lanczos in any case; or a file of a network, or the name of one in the folder, with
// or without its extension. Errors: usage, listing the names; those of open_weights(); model, unsupported (no upscaler).
std::unique_ptr<const Upscaler> make_upscaler(const std::string& name, const UpscalerOptions& options);

// What make_upscaler() takes: the ways of resampling, then the networks in the folder.
std::vector<std::string> upscaler_names(const std::filesystem::path& folder);

// width x height enlarged. Errors: usage, when a side would be 0 or beyond 65535 or the picture beyond 2^30 pixels.
Size scaled_size(Size size, double scale);

}  // namespace imagent
