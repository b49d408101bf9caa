// JPEG through libjpeg-turbo. Its errors leave by longjmp: guarded() runs lambdas that own nothing.
#include <csetjmp>
#include <cstdio>
#include <cstring>
// jpeglib.h needs <cstdio> before it.
#include <jpeglib.h>
#include <jerror.h>

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "image/exif.h"
#include "image/formats.h"

namespace imagent::formats {

namespace {

constexpr int most_scans = 200;  // a few hundred bytes of progressive scans can cost minutes
constexpr size_t exif_header = 6;  // "Exif\0\0"

struct ErrorManager {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  char text[JMSG_LENGTH_MAX] = "";
};

void on_error(j_common_ptr cinfo) {
  auto* manager = reinterpret_cast<ErrorManager*>(cinfo->err);
  manager->base.format_message(cinfo, manager->text);
  std::longjmp(manager->jump, 1);
}

// A file cut short and damaged pixel data are only warnings to libjpeg, which paints the rest grey.
void on_message(j_common_ptr cinfo, int level) {
  if (level >= 0) return;
  const int code = cinfo->err->msg_code;
  if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE) on_error(cinfo);
}
void no_output(j_common_ptr) {}

void limit_scans(j_common_ptr cinfo) {
  if (reinterpret_cast<j_decompress_ptr>(cinfo)->input_scan_number <= most_scans) return;
  auto* manager = reinterpret_cast<ErrorManager*>(cinfo->err);
  std::snprintf(manager->text, sizeof manager->text, "more than %d scans", most_scans);
  std::longjmp(manager->jump, 1);
}

jpeg_error_mgr* set_up(ErrorManager& manager) {
  jpeg_error_mgr* base = jpeg_std_error(&manager.base);
  base->error_exit = on_error;
  base->emit_message = on_message;
  base->output_message = no_output;
  return base;
}

template <class Step>
bool guarded(ErrorManager& manager, const Step& step) {
  if (setjmp(manager.jump)) return false;
  step();
  return true;
}

struct Reader {
  jpeg_decompress_struct cinfo{};
  ErrorManager errors{};
  jpeg_progress_mgr progress{};

  Reader() {
    cinfo.err = set_up(errors);
    run([&] { jpeg_create_decompress(&cinfo); });
    progress.progress_monitor = limit_scans;
    cinfo.progress = &progress;
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { jpeg_destroy_decompress(&cinfo); }

  template <class Step>
  void run(const Step& step) {
    check(guarded(errors, step), ErrorKind::image, "damaged JPEG: ", errors.text);
  }
};

struct Writer {
  jpeg_compress_struct cinfo{};
  ErrorManager errors{};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;

  Writer() {
    cinfo.err = set_up(errors);
    run([&] { jpeg_create_compress(&cinfo); });
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    jpeg_destroy_compress(&cinfo);
    std::free(bytes);
  }

  template <class Step>
  void run(const Step& step) {
    check(guarded(errors, step), ErrorKind::image, "cannot write a JPEG: ", errors.text);
  }
};

// Adobe's programs store CMYK inverted, and so does nearly everybody; PIL tells by the Adobe marker too.
Image rgb_from_cmyk(const Image& cmyk, bool inverted) {
  Image rgb(cmyk.width, cmyk.height, 3);
  const size_t count = static_cast<size_t>(cmyk.width) * cmyk.height;
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* in = &cmyk.pixels[4 * i];
    const int white = inverted ? in[3] : 255 - in[3];
    for (int c = 0; c < 3; ++c) rgb.pixels[3 * i + c] = static_cast<uint8_t>(((inverted ? in[c] : 255 - in[c]) * white + 127) / 255);
  }
  return rgb;
}

}  // namespace

Image decode_jpeg(Bytes file, const DecodeLimits& limits) {
  Reader reader;
  jpeg_decompress_struct& cinfo = reader.cinfo;
  reader.run([&] {
    jpeg_mem_src(&cinfo, file.data(), file.size());
    jpeg_read_header(&cinfo, TRUE);
  });
  check_size(cinfo.image_width, cinfo.image_height, limits);
  const bool cmyk = cinfo.jpeg_color_space == JCS_CMYK || cinfo.jpeg_color_space == JCS_YCCK;
  const bool gray = cinfo.jpeg_color_space == JCS_GRAYSCALE;
  cinfo.out_color_space = cmyk ? JCS_CMYK : gray ? JCS_GRAYSCALE : JCS_RGB;
  reader.run([&] { jpeg_start_decompress(&cinfo); });
  Image image(static_cast<int>(cinfo.output_width), static_cast<int>(cinfo.output_height), cinfo.output_components);
  reader.run([&] {
    while (cinfo.output_scanline < cinfo.output_height) {
      JSAMPROW row = image.at(0, static_cast<int>(cinfo.output_scanline));
      jpeg_read_scanlines(&cinfo, &row, 1);
    }
    jpeg_finish_decompress(&cinfo);
  });
  return cmyk ? rgb_from_cmyk(image, cinfo.saw_Adobe_marker) : image;
}

std::vector<uint8_t> encode_jpeg(const Image& source, const EncodeOptions& options) {
  const Image image = source.channels == 4 ? to_rgb(source) : source;  // JPEG has no alpha
  std::vector<uint8_t> exif;
  if (!options.parameters.empty()) {
    exif = exif_with_user_comment(options.parameters);
    exif.insert(exif.begin(), {'E', 'x', 'i', 'f', 0, 0});
    check(exif.size() <= 65533, ErrorKind::usage, "the prompt and parameters are too long for a JPEG (", exif.size(), " of 65533 bytes): write a .png or .webp");
  }
  Writer writer;
  jpeg_compress_struct& cinfo = writer.cinfo;
  writer.run([&] {
    jpeg_mem_dest(&cinfo, &writer.bytes, &writer.size);
    cinfo.image_width = static_cast<JDIMENSION>(image.width);
    cinfo.image_height = static_cast<JDIMENSION>(image.height);
    cinfo.input_components = image.channels;
    cinfo.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&cinfo);
    jpeg_set_quality(&cinfo, options.quality, TRUE);
    if (options.quality >= 90) cinfo.comp_info[0].h_samp_factor = cinfo.comp_info[0].v_samp_factor = 1;  // keep full colour resolution
    cinfo.optimize_coding = TRUE;
    jpeg_start_compress(&cinfo, TRUE);
    if (!exif.empty()) jpeg_write_marker(&cinfo, JPEG_APP0 + 1, exif.data(), static_cast<unsigned>(exif.size()));
    while (cinfo.next_scanline < cinfo.image_height) {
      auto* row = const_cast<JSAMPROW>(image.at(0, static_cast<int>(cinfo.next_scanline)));
      jpeg_write_scanlines(&cinfo, &row, 1);
    }
    jpeg_finish_compress(&cinfo);
  });
  return {writer.bytes, writer.bytes + writer.size};
}

// Segments are FF, marker, two bytes of length (themselves included); the pixels begin at FF DA.
Bytes jpeg_exif(Bytes file) {
  Bytes rest = file.subspan(2);
  while (rest.size() >= 4 && rest[0] == 0xFF) {
    const uint8_t marker = rest[1];
    if (marker == 0xFF) {  // filling
      rest = rest.subspan(1);
      continue;
    }
    if (marker == 0xDA || marker == 0xD9) break;
    const size_t length = static_cast<size_t>(rest[2]) << 8 | rest[3];
    if (length < 2 || length > rest.size() - 2) break;
    const Bytes data = rest.subspan(4, length - 2);
    if (marker == 0xE1 && data.size() > exif_header && std::memcmp(data.data(), "Exif\0", exif_header) == 0) return data.subspan(exif_header);
    rest = rest.subspan(2 + length);
  }
  return {};
}

}  // namespace imagent::formats
