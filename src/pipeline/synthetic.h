// Full-size models with made-up weights, for measuring: the real names and shapes of SD 1.5 and SDXL, no file needed.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "models/clip.h"
#include "models/unet.h"
#include "models/vae.h"
#include "weights/source.h"

namespace imagent {

struct SyntheticModel {
  std::string name;
  int size = 512;                                    // the side of its pictures
  UNetConfig unet_config;
  VaeConfig vae_config;
  std::vector<ClipTextConfig> text_configs;
  std::shared_ptr<const Source> unet, vae;
  std::vector<std::shared_ptr<const Source>> text_encoders;
};

// "sd15" or "sdxl". The tensors are bf16, made when asked for, each a function of its name. Errors: usage.
SyntheticModel synthetic_model(const std::string& name);

}  // namespace imagent
