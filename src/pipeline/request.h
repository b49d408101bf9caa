// What a person asks for: one struct, the same from the command line, the server and the library.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "sampling/rng.h"
#include "tensor/dtype.h"

namespace imagent {

struct Size {
  int width = 0, height = 0;
};
struct Offset {
  int left = 0, top = 0;
};

enum class Compat { native, diffusers, a1111 };  // docs/cli.md: whose rules decide where engines differ
enum class PreviewKind { none, latent, taesd, vae };

// Absent values (empty optional, 0 for sizes and steps, "" for names) take the model's own default.
struct Request {
  std::string prompt{};
  std::optional<std::string> negative{};      // absent is not "": SDXL then uses zeros
  std::optional<std::string> prompt_2{}, negative_2{};  // SDXL's second text encoder; default: as the first
  std::string model{};                        // a folder or a file; "": the built-in model
  std::string model_config{};                 // folder whose configurations hold for a single file; "": they are detected
  std::string prediction{};                   // what the model predicts: "epsilon", "v_prediction", "sample"; "": as it says itself
  int width = 0, height = 0;                // pixels, multiples of 8
  int steps = 0;
  std::optional<float> guidance_scale{};      // <= 1: the negative prompt is not evaluated
  float guidance_rescale = 0;
  int64_t seed = -1;                        // -1: random; image i of a batch has seed + i
  int batch = 1;                            // images in one UNet call
  std::string sampler{}, scheduler{};           // "": the model's own
  std::optional<float> eta{};
  int clip_skip = 0;                        // A1111's count: 1 = last layer, 2 = the one before; 0: the model's own
  std::string refiner{};                      // model that finishes the picture, "": none
  float refiner_switch = 0.8f;              // part of the noise schedule after which it takes over
  std::optional<Size> original_size{}, target_size{}, negative_original_size{}, negative_target_size{};  // SDXL
  std::optional<Offset> crop{}, negative_crop{};
  GeneratorKind rng = GeneratorKind::cpu;
  Compat compat = Compat::native;
  std::optional<DType> dtype{};               // f32, bf16, f16; absent: the fastest that the device has
  int preview_every = 0;                    // steps between previews, 0: none
  PreviewKind preview = PreviewKind::latent;
};

}  // namespace imagent
