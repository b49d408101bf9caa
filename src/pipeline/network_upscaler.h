// Enlarging a picture by a network, tile by tile.
#pragma once
#include "models/esrgan.h"
#include "pipeline/upscale.h"

namespace imagent {

class NetworkUpscaler : public Upscaler {
 public:
  NetworkUpscaler(const std::filesystem::path& file, const UpscalerOptions& options);
  std::string name() const override { return name_; }
  int scale() const override { return network_->scale; }
  Image operator()(const Image& image, Size target, const TileProgress& progress) const override;

  // One application: `rgb` enlarged by scale().
  Image enlarge(const Image& rgb, const TileProgress& progress) const;

 private:
  int tile_for(const Image& rgb) const;
  Image enlarge_by_tiles(const Image& rgb, int tile, const TileProgress& progress) const;
  size_t activations(int height, int width) const;

  std::string name_;
  UpscalerOptions options_;
  std::shared_ptr<const Source> source_;
  std::unique_ptr<const UpscaleNetwork> network_;
};

}  // namespace imagent
