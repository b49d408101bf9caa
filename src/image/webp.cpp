// WebP through libwebp; the EXIF chunk is found by walking the RIFF container (developers.google.com/speed/webp: container).
#include <webp/decode.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "image/exif.h"
#include "image/formats.h"

namespace imagent::formats {

namespace {

struct Picture : WebPPicture {
  Picture() { check(WebPPictureInit(this) != 0, "libwebp is of another version than its headers"); }
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;
  ~Picture() { WebPPictureFree(this); }
};

struct MemoryWriter : WebPMemoryWriter {
  MemoryWriter() { WebPMemoryWriterInit(this); }
  MemoryWriter(const MemoryWriter&) = delete;
  MemoryWriter& operator=(const MemoryWriter&) = delete;
  ~MemoryWriter() { WebPMemoryWriterClear(this); }
};

void import_pixels(Picture& picture, const Image& image) {
  picture.width = image.width;
  picture.height = image.height;
  const Image rgb = image.channels == 1 ? to_rgb(image) : Image();
  const Image& source = image.channels == 1 ? rgb : image;
  const int stride = source.width * source.channels;
  const int imported = source.channels == 4 ? WebPPictureImportRGBA(&picture, source.pixels.data(), stride)
                                            : WebPPictureImportRGB(&picture, source.pixels.data(), stride);
  check(imported != 0, ErrorKind::memory, "no memory to write a WebP");
}

std::vector<uint8_t> with_exif(const MemoryWriter& webp, const std::vector<uint8_t>& exif) {
  const WebPData file{webp.mem, webp.size}, chunk{exif.data(), exif.size()};
  const std::unique_ptr<WebPMux, void (*)(WebPMux*)> mux(WebPMuxCreate(&file, 0), WebPMuxDelete);
  WebPData assembled{};
  const bool ok = mux && WebPMuxSetChunk(mux.get(), "EXIF", &chunk, 0) == WEBP_MUX_OK && WebPMuxAssemble(mux.get(), &assembled) == WEBP_MUX_OK;
  const std::unique_ptr<WebPData, void (*)(WebPData*)> owner(&assembled, WebPDataClear);
  check(ok, ErrorKind::image, "cannot put the parameters into a WebP");
  return {assembled.bytes, assembled.bytes + assembled.size};
}

}  // namespace

Image decode_webp(Bytes file, const DecodeLimits& limits) {
  WebPBitstreamFeatures features{};
  const VP8StatusCode status = WebPGetFeatures(file.data(), file.size(), &features);
  check(status == VP8_STATUS_OK, ErrorKind::image, status == VP8_STATUS_NOT_ENOUGH_DATA ? "damaged WebP: the file ends too early" : "damaged WebP");
  check(features.has_animation == 0, ErrorKind::unsupported, "it is an animated WebP; only still pictures are read");
  check_size(features.width, features.height, limits);
  Image image(features.width, features.height, features.has_alpha != 0 ? 4 : 3);
  const int stride = image.width * image.channels;
  const uint8_t* decoded = image.channels == 4 ? WebPDecodeRGBAInto(file.data(), file.size(), image.pixels.data(), image.pixels.size(), stride)
                                               : WebPDecodeRGBInto(file.data(), file.size(), image.pixels.data(), image.pixels.size(), stride);
  check(decoded != nullptr, ErrorKind::image, "damaged WebP: the pixels cannot be decoded");
  return image;
}

std::vector<uint8_t> encode_webp(const Image& image, const EncodeOptions& options) {
  check(image.width <= WEBP_MAX_DIMENSION && image.height <= WEBP_MAX_DIMENSION, ErrorKind::usage, "a WebP has at most ", WEBP_MAX_DIMENSION,
        " pixels a side, not ", image.width, "x", image.height, ": write a .png");
  WebPConfig config;
  check(WebPConfigInit(&config) != 0, "libwebp is of another version than its headers");
  if (options.lossless) WebPConfigLosslessPreset(&config, 4);
  if (!options.lossless) config.quality = static_cast<float>(options.quality);
  config.exact = 1;  // colours under full transparency stay
  Picture picture;
  picture.use_argb = options.lossless ? 1 : 0;
  import_pixels(picture, image);
  MemoryWriter writer;
  picture.writer = WebPMemoryWrite;
  picture.custom_ptr = static_cast<WebPMemoryWriter*>(&writer);
  check(WebPEncode(&config, &picture) != 0, ErrorKind::image, "cannot write a WebP (libwebp error ", static_cast<int>(picture.error_code), ")");
  if (!options.parameters.empty()) return with_exif(writer, exif_with_user_comment(options.parameters));
  return {writer.mem, writer.mem + writer.size};
}

// Chunks are four letters, a little-endian length, the data, and a byte of filling when the length is odd.
Bytes webp_exif(Bytes file) {
  constexpr size_t exif_header = 6;  // some writers keep JPEG's "Exif\0\0"
  Bytes rest = file.subspan(12);
  while (rest.size() >= 8) {
    const size_t length = size_t{rest[4]} | size_t{rest[5]} << 8 | size_t{rest[6]} << 16 | size_t{rest[7]} << 24;
    if (length > rest.size() - 8) break;
    Bytes data = rest.subspan(8, length);
    if (std::memcmp(rest.data(), "EXIF", 4) == 0) {
      const bool headed = data.size() > exif_header && std::memcmp(data.data(), "Exif\0", exif_header) == 0;
      return headed ? data.subspan(exif_header) : data;
    }
    rest = rest.subspan(std::min(rest.size(), 8 + length + length % 2));
  }
  return {};
}

}  // namespace imagent::formats
