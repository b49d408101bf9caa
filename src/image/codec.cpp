// Choosing the format, putting the file's name in front of errors, and the parameters text.
#include "image/codec.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "base/mapped_file.h"
#include "image/exif.h"
#include "image/formats.h"

namespace imagent {

namespace formats {

void check_size(int64_t width, int64_t height, const DecodeLimits& limits) {
  check(width > 0 && height > 0, ErrorKind::image, "it has no pixels (", width, "x", height, ")");
  check(width <= limits.max_pixels / height, ErrorKind::image, "it has ", width, "x", height, " pixels, more than the limit of ", limits.max_pixels);
}

}  // namespace formats

namespace {

bool has_at(Bytes file, size_t at, std::string_view text) {
  return file.size() >= at + text.size() && std::equal(text.begin(), text.end(), file.begin() + static_cast<std::ptrdiff_t>(at), [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

Bytes exif_of(Bytes file, ImageFormat format) {
  switch (format) {
    case ImageFormat::png: return formats::png_exif(file);
    case ImageFormat::jpeg: return formats::jpeg_exif(file);
    case ImageFormat::webp: return formats::webp_exif(file);
  }
  return {};
}

Image decode_by_format(Bytes file, ImageFormat format, const DecodeLimits& limits) {
  switch (format) {
    case ImageFormat::png: return formats::decode_png(file, limits);
    case ImageFormat::jpeg: return formats::decode_jpeg(file, limits);
    case ImageFormat::webp: return formats::decode_webp(file, limits);
  }
  fail(ErrorKind::internal, "unknown image format");
}

}  // namespace

ImageFormat format_of_path(const std::filesystem::path& path) {
  const std::string extension = lower_ascii(path.extension().string());
  if (extension == ".png") return ImageFormat::png;
  if (extension == ".jpg" || extension == ".jpeg") return ImageFormat::jpeg;
  if (extension == ".webp") return ImageFormat::webp;
  fail(ErrorKind::usage, "cannot tell the picture format of \"", path.string(), "\": its name must end in .png, .jpg, .jpeg or .webp");
}

const char* mime_type(ImageFormat format) {
  return format == ImageFormat::png ? "image/png" : format == ImageFormat::jpeg ? "image/jpeg" : "image/webp";
}

ImageFormat format_of_content(Bytes file) {
  if (has_at(file, 0, "\x89PNG\r\n\x1a\n")) return ImageFormat::png;
  if (has_at(file, 0, "\xff\xd8\xff")) return ImageFormat::jpeg;
  if (has_at(file, 0, "RIFF") && has_at(file, 8, "WEBP")) return ImageFormat::webp;
  fail(ErrorKind::image, file.empty() ? "it is empty" : "it is neither PNG, JPEG nor WebP");
}

Image decode_image(Bytes file, const DecodeLimits& limits, const std::string& name) {
  try {
    const ImageFormat format = format_of_content(file);
    return apply_orientation(decode_by_format(file, format, limits), exif_orientation(exif_of(file, format)));
  } catch (const Error& error) {
    fail(error.kind, "cannot read ", name, ": ", error.text);
  }
}

Image read_image(const std::filesystem::path& path, const DecodeLimits& limits) {
  const auto file = MappedFile::open(path, ErrorKind::image);
  return decode_image({reinterpret_cast<const uint8_t*>(file->bytes().data()), file->bytes().size()}, limits, path.string());
}

std::vector<uint8_t> encode_image(const Image& image, const EncodeOptions& options) {
  check(image.pixels.size() == static_cast<size_t>(image.width) * image.height * image.channels && !image.pixels.empty(), "encode_image: ", image.width, "x",
        image.height, "x", image.channels, " with ", image.pixels.size(), " bytes");
  check(options.quality >= 0 && options.quality <= 100, ErrorKind::usage, "quality ", options.quality, " is not in 0..100");
  switch (options.format) {
    case ImageFormat::png: return formats::encode_png(image, options);
    case ImageFormat::jpeg: return formats::encode_jpeg(image, options);
    case ImageFormat::webp: return formats::encode_webp(image, options);
  }
  fail(ErrorKind::internal, "unknown image format");
}

std::string read_parameters(Bytes file) {
  const ImageFormat format = format_of_content(file);
  if (format == ImageFormat::png)
    if (const auto text = formats::find_png_text(file, "parameters")) return *text;
  return exif_user_comment(exif_of(file, format));
}

}  // namespace imagent
