// Files that a run leaves: pictures, previews, latents. Each appears whole or not at all.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "cli/run_options.h"
#include "pipeline/engine.h"

namespace imagent {

class Outputs {
 public:
  // Finds the names of `pictures` files and makes sure that they can be written, before minutes of work. Errors: usage
  // (unknown extension), io (folder missing or not writable).
  Outputs(const RunOptions& options, int pictures);

  // Writes the next picture; returns what to call it: its path, or "-".
  std::string write_picture(const Result& result);
  // Beside the next picture: out.png -> out.preview.png.
  void write_preview(const Image& image) const;
  void keep_latents(const Run& run);
  void write_latents() const;             // all that were kept, [pictures,4,h,w]

 private:
  RunOptions options_;
  std::vector<std::filesystem::path> paths_;
  size_t next_ = 0;
  std::vector<float> latents_;
  int64_t latents_count_ = 0, latent_height_ = 0, latent_width_ = 0;
};

}  // namespace imagent
