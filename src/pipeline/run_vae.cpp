// Decoding, encoding and previews of a run.
#include "pipeline/run_vae.h"

#include "pipeline/memory.h"
#include "pipeline/out_of_memory.h"
#include "pipeline/tiled_vae.h"

namespace imagent {
namespace {

struct VaeWork {
  Backend& backend;
  const char* doing;   // "decoding"
  int width, height;   // latents
  int tile;            // side in latents to begin with, 0: the whole picture at once
  bool seamless;       // only as a whole
};

// -> the tile with which work was done.
int by_tiles(const VaeWork& work, const std::function<void(int tile)>& compute) {
  std::vector<int> tiles = {work.tile};
  if (!work.seamless)
    for (const int side : smaller_vae_tiles(work.tile, std::max(work.width, work.height))) tiles.push_back(side);
  const std::string in_tiles = tiles.back() ? str(" in tiles of ", 8 * tiles.back()) : "", without = work.seamless ? " or without --tiling" : "";
  return compute_in_pieces({work.backend, tiles, str(work.doing, " a picture of ", 8 * work.width, 'x', 8 * work.height, " pixels", in_tiles),
                            str("a smaller picture (--width, --height)", without, " would need less")},
                           compute);
}

struct Decoded {
  Image picture;
  int tile = 0;
};

Decoded decode(const PictureDecoder& decoder, const Latents& latents, Quantization quantization) {
  Decoded out;
  out.tile = by_tiles({decoder.backend, "decoding", latents.width, latents.height, decoder.tile, decoder.seamless}, [&](int tile) {
    PictureDecoder by_tile = decoder;
    by_tile.tile = tile;
    out.picture = decode_latents(by_tile, latents, quantization);
  });
  return out;
}

void say(const RunContext& c, const std::string& text) {
  if (c.events.note) c.events.note(text);
}

// What had to be done by smaller tiles once is begun with them from now on.
void use_tile(RunContext& c, int tile) {
  if (tile == c.run.vae_tile) return;
  c.run.vae_tile = tile;
  say(c, str("memory ran out: the autoencoder works in tiles of ", 8 * tile, " pixels"));
}

Image make_preview(RunContext& c, const Latents& denoised) {
  if (c.request().preview == PreviewKind::latent) return c.base.vae().latent_preview()(denoised);
  if (!c.previewer) c.previewer.emplace(c.decoder_of(c.base));
  Decoded decoded = decode(*c.previewer, denoised, Quantization::round);
  c.previewer->tile = decoded.tile;  // its own: a preview changes nothing about the picture
  return std::move(decoded.picture);
}

}  // namespace

Image decode_picture(RunContext& c, const Latents& latents) {
  Decoded decoded = decode(c.decoder_of(c.last_model()), latents, c.quantization());
  use_tile(c, decoded.tile);
  return std::move(decoded.picture);
}

std::vector<Image> decode_pictures(RunContext& c, const std::vector<Latents>& latents) {
  std::vector<Image> pictures;
  if (!latents.empty() && decodes_side_by_side(latents[0].height, latents[0].width)) {
    const PictureDecoder decoder = c.decoder_of(c.last_model());
    std::vector<Decoded> decoded(latents.size());
    c.turn.side_by_side(static_cast<int64_t>(latents.size()), [&](int64_t i) { decoded[i] = decode(decoder, latents[i], c.quantization()); });
    for (Decoded& one : decoded) {
      use_tile(c, one.tile);
      pictures.push_back(std::move(one.picture));
    }
  } else {
    c.base.backend().next_part();  // the decoder's sizes are others than the UNet's
    for (const Latents& one : latents) pictures.push_back(decode_picture(c, one));
  }
  return pictures;
}

EncodedPicture encode_picture(RunContext& c, const Image& rgb, const Image& mask) {
  EncodedPicture picture;
  const int tile = by_tiles({c.base.backend(), "encoding", rgb.width / 8, rgb.height / 8, c.run.vae_tile, c.request().tiling},
                            [&](int side) { picture = encode_picture(c.base, rgb, side, mask); });
  use_tile(c, tile);
  return picture;
}

std::optional<Image> preview_picture(RunContext& c, const Latents& denoised) {
  if (!c.previews) return std::nullopt;
  try {
    return make_preview(c, denoised);
  } catch (const Error& error) {
    if (error.kind != ErrorKind::memory) throw;
  }
  c.previews = false;
  c.base.backend().release_cached();
  say(c, "memory ran out: the run goes on without previews");
  return std::nullopt;
}

}  // namespace imagent
