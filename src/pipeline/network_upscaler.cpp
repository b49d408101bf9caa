// Tiles of a picture through a network: only tiles are ever floats, the picture and its result are 8 bits.
#include "pipeline/network_upscaler.h"

#include <algorithm>
#include <cmath>

#include "image/resize.h"
#include "pipeline/out_of_memory.h"
#include "pipeline/tiles.h"
#include "tensor/counting_backend.h"
#include "weights/open.h"

namespace imagent {
namespace {

constexpr int most_passes = 3;
constexpr size_t tile_budget = size_t{512} << 20;
constexpr int tile_sides[] = {512, 384, 256, 192, 128, 96, 64, 48, 32};

// An exact result needs margins of the network's reach. Where that is too much of a tile, tiles fade into each other.
TileRules rules_for(int tile, int reach) {
  if (tile == 0) return {};
  if (reach <= tile / 8) return {.tile = tile, .margin = reach, .fade = 0};
  return {.tile = tile, .margin = std::max(tile / 16, std::min(reach, 8)), .fade = tile / 16};
}

// Index i of an axis of n pixels, mirrored beyond its end as PyTorch's "reflect".
int mirrored(int i, int n) { return i < n ? i : std::max(0, 2 * n - 2 - i); }

// The cells' pixels in 0..1.
std::vector<float> cut_out(const Image& rgb, const TileSpan& rows, const TileSpan& columns, int cell) {
  std::vector<float> values;
  values.reserve(static_cast<size_t>(rows.end - rows.begin) * (columns.end - columns.begin) * cell * cell * 3);
  for (int y = rows.begin * cell; y < rows.end * cell; ++y)
    for (int x = columns.begin * cell; x < columns.end * cell; ++x) {
      const uint8_t* pixel = rgb.at(mirrored(x, rgb.width), mirrored(y, rgb.height));
      for (int c = 0; c < 3; ++c) values.push_back(static_cast<float>(pixel[c]) / 255.0f);
    }
  return values;
}

uint8_t quantise(float unit) {
  if (!(unit > 0)) return 0;  // NaN too
  return static_cast<uint8_t>(std::nearbyint(std::min(unit, 1.0f) * 255.0f));
}

}  // namespace

NetworkUpscaler::NetworkUpscaler(const std::filesystem::path& file, const UpscalerOptions& options)
    : name_(file.stem().string()), options_(options), source_(open_weights(file)) {
  activations(8, 8);  // what does not fit together shows before anything is packed
  network_ = make_upscale_network(source_, *options_.backend, options_.compute);
}

// The largest moment of a tile, by running it on a backend that only counts. Errors: model, when the weights do not fit together.
size_t NetworkUpscaler::activations(int height, int width) const {
  CountingBackend counter;
  try {
    const auto network = make_upscale_network(source_, counter, options_.compute);
    const auto whole_cells = [&](int side) { return int64_t{(side + network->cell - 1) / network->cell * network->cell}; };
    (*network)(Tensor(counter, {1, whole_cells(height), whole_cells(width), 3}, DType::f32));
  } catch (const Error& error) {
    if (error.kind != ErrorKind::internal) throw;
    fail(ErrorKind::model, source_->origin(), ": its weights do not fit together: ", error.text);
  }
  return counter.peak_bytes();
}

int NetworkUpscaler::tile_for(const Image& rgb) const {
  const size_t available = options_.memory_limit ? options_.memory_limit : options_.backend->available_bytes();
  const auto need = [&](int tile) { return activations(tile ? std::min(tile, rgb.height) : rgb.height, tile ? std::min(tile, rgb.width) : rgb.width); };
  int tile = options_.tile.value_or(tile_sides[0]);
  if (!options_.tile)
    for (const int side : tile_sides) {
      tile = side;
      if (need(side) <= std::min(tile_budget, available / 2)) break;
    }
  const size_t out_row = size_t{3} * rgb.width * network_->scale, rows = static_cast<size_t>(tile ? std::min(tile, rgb.height) : rgb.height) * network_->scale;
  const size_t wanted = need(tile) + out_row * rows * sizeof(float) + out_row * rgb.height * network_->scale;  // a row of tiles, the result
  check(wanted <= available, ErrorKind::memory, "not enough memory to enlarge ", rgb.width, "x", rgb.height, " pixels by ", name_, tile ? str(" in tiles of ", tile) : " at once",
        ": about ", wanted >> 20, " MiB are needed, ", available >> 20, " MiB are available; smaller tiles need less");
  return tile;
}

Image NetworkUpscaler::enlarge(const Image& rgb, const TileProgress& progress) const {
  std::vector<int> tiles = {tile_for(rgb)};
  for (const int side : tile_sides)
    if (side < std::max(rgb.width, rgb.height) && (tiles[0] == 0 || side < tiles[0])) tiles.push_back(side);
  Image out;
  const int tile = compute_in_pieces({*options_.backend, tiles, str("enlarging ", rgb.width, 'x', rgb.height, " pixels by ", name_, tiles.back() ? str(" in tiles of ", tiles.back()) : ""),
                                      "a 16-bit --dtype or a compact network would need less"},
                                     [&](int side) { out = enlarge_by_tiles(rgb, side, progress); });
  if (tile != tiles[0] && options_.note) options_.note(str("memory ran out: ", name_, " works in tiles of ", tile, " pixels"));
  return out;
}

Image NetworkUpscaler::enlarge_by_tiles(const Image& rgb, int tile, const TileProgress& progress) const {
  const int cell = network_->cell, pixels_of_cell = cell * network_->scale;
  const TileRules asked = rules_for(tile, network_->reach);
  const auto in_cells = [&](int pixels) { return (pixels + cell - 1) / cell; };
  const TileRules rules{in_cells(asked.tile), in_cells(asked.margin), in_cells(asked.fade)};
  const TiledPicture picture{tile_spans(in_cells(rgb.height), pixels_of_cell, rules), tile_spans(in_cells(rgb.width), pixels_of_cell, rules), pixels_of_cell, 3};
  const Size size = scaled_size({rgb.width, rgb.height}, network_->scale);
  Image out(size.width, size.height, 3);
  const size_t row = static_cast<size_t>(picture.columns.back().end) * pixels_of_cell * 3, kept = static_cast<size_t>(out.width) * 3;
  run_tiles(picture, {.compute =
                          [&](const TileSpan& rows, const TileSpan& columns) {
                            const Shape shape{1, (rows.end - rows.begin) * cell, (columns.end - columns.begin) * cell, 3};
                            return download((*network_)(upload(*options_.backend, shape, cut_out(rgb, rows, columns, cell))));
                          },
                      .emit =
                          [&](int y, std::span<const float> rows) {
                            for (; !rows.empty() && y < out.height; ++y, rows = rows.subspan(row))
                              std::transform(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(kept), out.at(0, y), quantise);
                          },
                      .progress = progress});
  return out;
}

Image NetworkUpscaler::operator()(const Image& image, Size target, const TileProgress& progress) const {
  Image picture = to_rgb(image);
  for (int pass = 0; pass < most_passes && (pass == 0 || picture.width < target.width || picture.height < target.height); ++pass) {
    picture = enlarge(picture, progress);
    if (network_->scale == 1) break;
  }
  picture = resize(picture, target.width, target.height, Resample::lanczos);
  if (image.channels == 1) return to_gray(picture);
  if (image.channels == 3) return picture;
  Image out(target.width, target.height, 4);
  const Image alpha = resize(alpha_of(image), target.width, target.height, Resample::lanczos);
  for (size_t i = 0; i < alpha.pixels.size(); ++i) {
    std::copy_n(&picture.pixels[i * 3], 3, &out.pixels[i * 4]);
    out.pixels[i * 4 + 3] = alpha.pixels[i];
  }
  return out;
}

}  // namespace imagent
