// Pictures of others: decoding, metadata, and encoding again what came out.
#include "fuzz.h"
#include "image/codec.h"
#include "image/exif.h"
#include "image/infotext.h"

using namespace imagent;

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr DecodeLimits limits{.max_pixels = int64_t{1} << 20};
  const Bytes file(data, size);
  fuzz::expect_answer(size, [&] {
    const Image image = decode_image(file, limits);
    for (const ImageFormat format : {ImageFormat::png, ImageFormat::jpeg})
      if (image.width * image.height < 4096) encode_image(to_rgb(image), {.format = format, .parameters = "a"});
  });
  fuzz::expect_answer(size, [&] { read_infotext(read_parameters(file)); });
  fuzz::expect_answer(size, [&] {
    exif_orientation(file);
    exif_user_comment(file);
  });
  return 0;
}
