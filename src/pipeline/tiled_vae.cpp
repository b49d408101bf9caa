// Tiles through an autoencoder. The idea of overlap and cross-fade: diffusers autoencoder_kl.py, tiled_decode; of statistics
// of the whole: github.com/pkuliyi2015/multidiffusion-upscaler-for-automatic1111, tile_vae.py, which takes them from a small copy.
#include "pipeline/tiled_vae.h"

#include "ops/ops.h"
#include "pipeline/tiles.h"

namespace imagent {
namespace {

constexpr int pixels_of_latent = 8;

// Half of what neighbouring tiles share is thrown away, the other half fades.
TileRules rules_for(int tile) { return {.tile = tile, .margin = 4, .fade = 4}; }

// A part of the input [1,h,w,C] on the device; `cell`: its pixels a latent.
Tensor upload_part(const VaeRun& run, const HostPicture& from, const TileSpan& rows, const TileSpan& columns, int cell) {
  const int64_t height = int64_t{rows.end - rows.begin} * cell, width = int64_t{columns.end - columns.begin} * cell, channels = from.channels;
  std::vector<float> part;
  part.reserve(static_cast<size_t>(height * width * channels));
  for (int64_t y = 0; y < height; ++y) {
    const auto begin = from.values.begin() + ((int64_t{rows.begin} * cell + y) * run.width * cell + int64_t{columns.begin} * cell) * channels;
    part.insert(part.end(), begin, begin + width * channels);
  }
  return cast(upload(run.backend, {1, height, width, channels}, part), run.compute);
}

// A clone whose norms know the statistics of the whole. They are measured by tiles that do not overlap and that each use their
// own: a second measurement with the result of the first changes the picture by less than 0.2 dB.
std::unique_ptr<VaeNetwork> with_statistics_of_all(const VaeRun& run, const HostPicture& from, int cell) {
  const std::unique_ptr<VaeNetwork> measuring = run.network.clone();
  const std::vector<GroupNorm*> norms = measuring->norms();
  std::vector<GroupMoments> moments(norms.size());
  for (size_t i = 0; i < norms.size(); ++i) norms[i]->measured = &moments[i];
  if (!norms.empty())
    for (const TileSpan& rows : tile_spans(run.height, 1, {.tile = run.tile}))
      for (const TileSpan& columns : tile_spans(run.width, 1, {.tile = run.tile})) (*measuring)(upload_part(run, from, rows, columns, cell));
  std::unique_ptr<VaeNetwork> network = run.network.clone();
  const std::vector<GroupNorm*> fixed = network->norms();
  for (size_t i = 0; i < fixed.size(); ++i) fixed[i]->params.statistics = moments[i].statistics(run.backend);
  return network;
}

struct Cells {
  int in, out, channels;  // pixels a latent of what goes in and comes out, channels of what comes out
};

void run_vae(const VaeRun& run, const HostPicture& from, const Cells& cells, const std::function<void(int, std::span<const float>)>& emit) {
  const TileRules rules = rules_for(run.tile);
  const TiledPicture picture{tile_spans(run.height, cells.out, rules), tile_spans(run.width, cells.out, rules), cells.out, cells.channels};
  const std::unique_ptr<VaeNetwork> own = picture.tiles() > 1 ? with_statistics_of_all(run, from, cells.in) : nullptr;
  const VaeNetwork& network = own ? *own : run.network;
  run_tiles(picture, {.compute = [&](const TileSpan& rows, const TileSpan& columns) { return download(network(upload_part(run, from, rows, columns, cells.in))); },
                      .emit = emit});
}

}  // namespace

std::vector<int> smaller_vae_tiles(int tile, int longer_side) {
  std::vector<int> sides;
  for (const int side : vae_tile_sides)
    if (side < longer_side && (tile == 0 || side < tile)) sides.push_back(side);
  return sides;
}

void decode_tiles(const VaeRun& run, const HostPicture& latents, const std::function<void(int y, std::span<const float> rows)>& emit) {
  run_vae(run, latents, {1, pixels_of_latent, 3}, emit);
}

std::vector<float> encode_tiles(const VaeRun& run, const HostPicture& picture) {
  const TileSpan corner{0, 1, {}};
  const auto channels = static_cast<int>(run.network(upload_part(run, picture, corner, corner, pixels_of_latent)).dim(3));
  std::vector<float> moments;
  run_vae(run, picture, {pixels_of_latent, 1, channels}, [&](int, std::span<const float> rows) { moments.insert(moments.end(), rows.begin(), rows.end()); });
  return moments;
}

}  // namespace imagent
