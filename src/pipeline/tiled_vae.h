// Autoencoders on large pictures: tile by tile, with the group norms' statistics of the whole picture. Tiles that each
// measured their own would differ in colour: on the built-in model's autoencoder 39 dB from the whole picture instead of 43.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "models/autoencoder.h"
#include "tensor/backend.h"

namespace imagent {

constexpr int vae_tile_sides[] = {64, 48, 32, 24, 16};  // latents; the largest is what --vae-tiling takes

// The sides that are smaller than `tile` (0: the whole picture) and than the picture's longer side, the largest first.
std::vector<int> smaller_vae_tiles(int tile, int longer_side);

// What a network computes, how large its input is in latents, and by how large tiles.
struct VaeRun {
  const VaeNetwork& network;
  Backend& backend;
  DType compute = DType::f32;
  int height = 0, width = 0;  // latents
  int tile = 0;               // side in latents, 0: the whole at once
};

// f32 [height,width,channels] in host memory.
struct HostPicture {
  std::span<const float> values;
  int channels = 0;
};

// latents -> rows of the picture [.., 8*width, 3], from the top to the bottom.
void decode_tiles(const VaeRun& run, const HostPicture& latents, const std::function<void(int y, std::span<const float> rows)>& emit);
// picture [8*height, 8*width, 3] -> moments [height, width, C]
std::vector<float> encode_tiles(const VaeRun& run, const HostPicture& picture);

}  // namespace imagent
