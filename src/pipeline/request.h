// What a person asks for: one struct, the same from the command line, the server and the library.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "image/image.h"
#include "models/freeu.h"
#include "sampling/rng.h"
#include "tensor/dtype.h"
#include "text/extra_networks.h"

namespace imagent {

struct Size {
  int width = 0, height = 0;
};
struct Offset {
  int left = 0, top = 0;
};

struct Sides {
  int left = 0, top = 0, right = 0, bottom = 0;
  bool any() const { return left + top + right + bottom > 0; }
};

enum class Compat { native, diffusers, a1111 };  // docs/cli.md: whose rules decide where engines differ
enum class PreviewKind { none, latent, taesd, vae };
enum class ResizeMode { stretch, crop, fill, latent };                      // A1111's 0..3
enum class InpaintFill { fill, original, latent_noise, latent_nothing };    // A1111's 0..3
enum class Preprocessor { none, canny };
// What leads where a prompt and a ControlNet differ; the A1111 extension's "Balanced", "My prompt is more important" and
// "ControlNet is more important".
enum class ControlMode { balanced, prompt, control };

// A ControlNet or T2I-Adapter and the picture it looks at.
struct ControlUnit {
  std::string model{};                      // a folder in diffusers' layout or a file
  std::shared_ptr<const Image> image{};     // of any size: it is resized to the picture's
  Preprocessor preprocess = Preprocessor::none;
  float strength = 1;
  double start = 0, end = 1;                // part of the steps in which it counts
  ControlMode mode = ControlMode::balanced; // prompt: it counts less in the outer layers; control: also not for the negative prompt
  std::shared_ptr<const Image> region{};    // it counts where this is white, stretched over the picture; null: everywhere
};

// An IP-Adapter and the picture that it makes a prompt of.
struct IpAdapterUnit {
  std::string model{};                      // its file
  std::string encoder{};                    // the image encoder, a folder or a file; "": the one beside the adapter
  std::shared_ptr<const Image> image{};
  float strength = 1;
  double start = 0, end = 1;                // part of the steps in which it counts
  std::shared_ptr<const Image> region{};    // as a ControlUnit's
};

// Absent values (empty optional, 0 for sizes and steps, "" for names) take the model's own default.
struct Request {
  std::string prompt{};
  std::optional<std::string> negative{};      // absent is not "": SDXL then uses zeros
  std::optional<std::string> prompt_2{}, negative_2{};  // SDXL's second text encoder; default: as the first
  std::string model{};                        // a folder or a file; "": the built-in model
  std::string model_config{};                 // folder whose configurations hold for a single file; "": they are detected
  std::string prediction{};                   // what the model predicts: "epsilon", "v_prediction", "sample"; "": as it says itself
  std::vector<std::string> styles{};          // names of styles_file, applied in this order
  std::string styles_file{}, wildcards_dir{};  // the web UI's styles.csv; the folder of __name__ lists
  std::vector<LoraRequest> loras{};           // beside those of the prompt; a name, or where the engine allows it a path
  bool lora_lenient = false;                  // go on when a file does not fit the model as a whole
  int width = 0, height = 0;                // pixels, multiples of 8
  int steps = 0;
  std::optional<float> guidance_scale{};      // <= 1: the negative prompt is not evaluated
  float guidance_rescale = 0;
  float guidance_start = 0, guidance_end = 1;  // parts of the run between which there is guidance
  int64_t seed = -1;                        // -1: random; image i of a batch has seed + i
  int batch = 1;                            // images in one UNet call
  int64_t variation_seed = -1;              // -1: random; image i of a batch has variation_seed + i
  float variation_strength = 0;             // share of its noise; above 0 all images of a batch have the same seed
  int seed_resize_width = 0, seed_resize_height = 0;  // pixels; noise as a picture of that size has it, up to 0: off
  int64_t ensd = 0;                         // A1111's eta noise seed delta
  std::string sampler{}, scheduler{};           // "": the model's own
  std::optional<float> eta{};
  int clip_skip = 0;                        // A1111's count: 1 = last layer, 2 = the one before; 0: the model's own
  std::string vae{};                          // another autoencoder: a folder or a file; "": the model's own
  std::string taesd{};                        // a tiny autoencoder for previews, "": none
  bool vae_tiling = false;                  // the VAE works tile by tile, also where memory would do for the whole
  bool tiling = false;                      // pictures that can be put side by side without seams
  std::string refiner{};                      // model that finishes the picture, "": none
  float refiner_switch = 0.8f;              // part of the noise schedule after which it takes over
  std::optional<Size> original_size{}, target_size{}, negative_original_size{}, negative_target_size{};  // SDXL
  std::optional<Offset> crop{}, negative_crop{};

  // A picture to start from: image to image, inpainting with a mask, outpainting, editing (a pix2pix model).
  std::shared_ptr<const Image> init_image{};  // JSON: init_images
  std::vector<std::shared_ptr<const Image>> init_images{};  // in its place, one for each picture of the batch
  std::shared_ptr<const Image> mask{};        // white is drawn anew, black stays
  std::optional<double> strength{};           // 0 keeps the picture, 1 draws it anew
  ResizeMode resize_mode = ResizeMode::stretch;
  InpaintFill inpainting_fill = InpaintFill::original;  // what stands under the mask at the start
  int mask_blur = 4;                          // standard deviation in pixels
  bool mask_invert = false;
  bool only_masked = false;                   // draws a cut-out around the mask at the full size
  int only_masked_padding = 32;               // pixels around the mask that the cut-out shows
  Sides outpaint{};                           // pixels to add
  std::optional<float> image_guidance{};      // how strongly the picture counts; given: the model has to be one for editing

  // The hires pass: enlarged and drawn over.
  float hires_scale = 0;                      // up to 1: off
  int hires_width = 0, hires_height = 0;      // or its size in pixels; one of them: the other one by the proportions
  bool enable_hr = true;                      // A1111's switch; off: scale and size do not count
  int hires_steps = 0;                        // 0: as the first pass
  double hires_strength = 0.7;
  std::string hires_upscaler = "latent";
  std::string hires_sampler{}, hires_scheduler{};                // "": as the first pass
  std::optional<std::string> hires_prompt{}, hires_negative{};   // absent: as the first pass
  FreeU freeu{};
  std::vector<ControlUnit> controls{};        // ControlNets and T2I-Adapters, each adding to the others
  std::vector<IpAdapterUnit> ip_adapters{};   // pictures as prompts, each adding to the others

  GeneratorKind rng = GeneratorKind::cpu;
  Compat compat = Compat::native;
  std::optional<DType> dtype{};               // f32, bf16, f16; absent: the fastest that the device has
  int preview_every = 0;                    // steps between previews, 0: none
  PreviewKind preview = PreviewKind::latent;
};

}  // namespace imagent
