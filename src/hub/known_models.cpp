// Data: aliases, repositories and the defaults that their authors recommend (model cards).
#include "hub/known_models.h"

namespace imagent {

const char* const known_models_json = R"json({
  "models": [
    {"name": "sd15", "aliases": ["v1-5", "sd-v15"], "repository": "stable-diffusion-v1-5/stable-diffusion-v1-5", "size": 512, "steps": 25, "guidance": 7.5},
    {"name": "sd15-inpaint", "repository": "stable-diffusion-v1-5/stable-diffusion-inpainting", "size": 512, "steps": 25, "guidance": 7.5},
    {"name": "sd21", "aliases": ["v2-1", "sd-v21"], "repository": "stabilityai/stable-diffusion-2-1", "size": 768, "steps": 25, "guidance": 7.5},
    {"name": "sd21-inpaint", "repository": "stabilityai/stable-diffusion-2-inpainting", "size": 512, "steps": 25, "guidance": 7.5},
    {"name": "sdxl", "aliases": ["xl", "sd-xl"], "repository": "stabilityai/stable-diffusion-xl-base-1.0", "size": 1024, "steps": 30, "guidance": 7.0},
    {"name": "sdxl-inpaint", "repository": "diffusers/stable-diffusion-xl-1.0-inpainting-0.1", "size": 1024, "steps": 30, "guidance": 7.0},
    {"name": "sdxl-refiner", "repository": "stabilityai/stable-diffusion-xl-refiner-1.0", "size": 1024, "steps": 30, "guidance": 7.0},
    {"name": "sdxl-turbo", "aliases": ["turbo", "sd-turbo-xl"], "repository": "stabilityai/sdxl-turbo", "size": 512, "steps": 1, "guidance": 0},
    {"name": "sd-turbo", "repository": "stabilityai/sd-turbo", "size": 512, "steps": 1, "guidance": 0},
    {"name": "lcm", "repository": "SimianLuo/LCM_Dreamshaper_v7", "size": 512, "steps": 4, "guidance": 8},
    {"name": "sdxl-vae-fp16-fix", "repository": "madebyollin/sdxl-vae-fp16-fix"},
    {"name": "taesd", "repository": "madebyollin/taesd"},
    {"name": "taesdxl", "repository": "madebyollin/taesdxl"}
  ],
  "redirects": {
    "runwayml/stable-diffusion-v1-5": "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "runwayml/stable-diffusion-inpainting": "stable-diffusion-v1-5/stable-diffusion-inpainting"
  }
})json";

}  // namespace imagent
