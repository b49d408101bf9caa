// The networks of one model for measuring, and whole pictures drawn with them.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "image/image.h"
#include "models/clip.h"
#include "models/unet.h"
#include "models/vae.h"
#include "pipeline/benchmark.h"

namespace imagent {

class LoadedModel;

// From made-up weights, or from a folder.
struct BenchNetworks {
  std::string name;
  int size = 0;                                      // the model's own, in pixels
  std::vector<ClipTextModel> text;
  std::optional<UNet2DConditionModel> unet;
  VaeConfig vae_config;
  std::unique_ptr<const VaeNetwork> decoder;
  std::vector<std::unique_ptr<LoadedModel>> loaded;  // keeps a folder's model alive

  // Errors: usage, model, memory.
  BenchNetworks(Backend& backend, const BenchmarkOptions& options);
  ~BenchNetworks();

 private:
  void make_synthetic(Backend& backend, const BenchmarkOptions& options);
  void load_folder(Backend& backend, const BenchmarkOptions& options);
};

// From token ids to pixels as generate() goes: the prompt and, with guidance, the negative one through the text encoders, Euler's
// steps with one UNet call each for all pictures, then each picture's decode.
struct PicturesRun {
  int size = 0, steps = 0, pictures = 1;
  bool guidance = true;
  DType dtype = DType::f32;
};
std::vector<Image> draw_pictures(const BenchNetworks& networks, const PicturesRun& run);

}  // namespace imagent
