// Preparing pictures and masks, and pasting results back.
#include "pipeline/canvas.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "image/resize.h"

namespace imagent {

// modules/images.py resize_image: to that size with the picture's proportions kept, by cutting or by adding edges.
Image fit_picture(const Image& image, Size size, ResizeMode mode) {
  if (mode == ResizeMode::stretch || mode == ResizeMode::latent) return resize(image, size.width, size.height);
  const bool wider = int64_t{size.width} * image.height > int64_t{image.width} * size.height;  // the target, in proportion
  const bool by_width = mode == ResizeMode::crop ? wider : !wider;
  const int width = by_width ? size.width : std::max(1, image.width * size.height / image.height);
  const int height = by_width ? std::max(1, image.height * size.width / image.width) : size.height;
  return place_with_edges(resize(image, width, height), size.width / 2 - width / 2, size.height / 2 - height / 2, size.width, size.height);
}

namespace {

int down_to_8(int pixels) { return pixels / 8 * 8; }
int up_to_8(int pixels) { return (pixels + 7) / 8 * 8; }
int at_least_8(int pixels) { return std::max(8, down_to_8(pixels)); }
int nearest_8(double pixels) { return static_cast<int>(std::lround(pixels / 8)) * 8; }

// The picture is given; `Size` of it with what is added outside.
Size outer_size(const Request& r) {
  return {r.init_image->width + r.outpaint.left + r.outpaint.right, r.init_image->height + r.outpaint.top + r.outpaint.bottom};
}

// modules/masking.py expand_crop_region: the region grows to the proportions of the size that is drawn, inside the picture.
struct Span {
  int begin, end;
};
Span grown(Span span, int wanted, int limit) {
  const int more = std::max(0, wanted - (span.end - span.begin));
  span.begin -= more / 2;
  span.end += more - more / 2;
  const int over = std::max(0, span.end - limit);
  span = {span.begin - over, span.end - over};
  if (span.begin < 0) span = {0, span.end - span.begin};
  return {span.begin, std::min(span.end, limit)};
}

Region expanded(const Region& r, Size drawn, Size whole) {
  const double proportion = static_cast<double>(drawn.width) / drawn.height;
  Span x{r.x, r.x + r.width}, y{r.y, r.y + r.height};
  if (static_cast<double>(r.width) / r.height > proportion)
    y = grown(y, static_cast<int>(r.width / proportion), whole.height);
  else
    x = grown(x, static_cast<int>(r.height * proportion), whole.width);
  return {x.begin, y.begin, x.end - x.begin, y.end - y.begin};
}

Region padded(const Region& r, int padding, Size whole) {
  const int left = std::max(r.x - padding, 0), top = std::max(r.y - padding, 0);
  return {left, top, std::min(r.x + r.width + padding, whole.width) - left, std::min(r.y + r.height + padding, whole.height) - top};
}

// White where something is added, and a strip of the picture beside it, over which the seam is blended.
Image outpaint_mask(const Request& r, Size outer) {
  const Sides& s = r.outpaint;
  const int strip = std::min({2 * r.mask_blur, r.init_image->width / 4, r.init_image->height / 4});
  Image mask = filled(outer.width, outer.height, 1, 255);
  const int left = s.left + (s.left ? strip : 0), top = s.top + (s.top ? strip : 0);
  const int right = outer.width - s.right - (s.right ? strip : 0), bottom = outer.height - s.bottom - (s.bottom ? strip : 0);
  paste(mask, filled(right - left, bottom - top, 1, 0), left, top);
  return mask;
}

Image given_mask(const Request& r) {
  Image mask = resize(to_gray(*r.mask), r.init_image->width, r.init_image->height);
  return r.mask_invert ? invert(std::move(mask)) : mask;
}

// The mask over the picture with its additions: what was given, and all that is added.
Image outer_mask(const Request& r, Size outer) {
  if (!r.outpaint.any()) return r.mask ? given_mask(r) : Image();
  Image mask = outpaint_mask(r, outer);
  if (!r.mask) return mask;
  const Image inner = given_mask(r);
  for (int y = 0; y < inner.height; ++y)
    for (int x = 0; x < inner.width; ++x) {
      uint8_t& value = *mask.at(x + r.outpaint.left, y + r.outpaint.top);
      value = std::max(value, *inner.at(x, y));
    }
  return mask;
}

// The web UI lets the pasted part reach out over half of the blur; what the mask leaves alone stays untouched.
Image doubled(Image mask) {
  for (uint8_t& value : mask.pixels) value = static_cast<uint8_t>(std::min(2 * value, 255));
  return mask;
}

void check_inputs(const Request& r) {
  check(r.init_image || !r.mask, ErrorKind::usage, "a mask needs the picture that it belongs to (--init-image)");
  check(r.init_image || !r.outpaint.any(), ErrorKind::usage, "outpainting needs a picture to go on from (--init-image)");
  check(!r.only_masked || r.mask, ErrorKind::usage, "only_masked needs a mask (--mask)");
  check(!r.only_masked || !r.outpaint.any(), ErrorKind::usage, "only_masked and outpaint exclude each other: outpainting draws the whole picture");
}

// The masked part, drawn at the request's size.
Canvas cut_out(const Request& r, Image whole, Image mask) {
  const Size size{r.width, r.height}, outer{whole.width, whole.height};
  const std::optional<Region> box = bounding_box(mask);
  check(box.has_value(), ErrorKind::usage, "the mask is black everywhere: nothing would be drawn");
  Canvas canvas;
  canvas.place = expanded(padded(*box, r.only_masked_padding, outer), size, outer);
  canvas.picture = fit_picture(crop(whole, canvas.place), size, ResizeMode::fill);
  canvas.mask = fit_picture(crop(mask, canvas.place), size, ResizeMode::fill);
  canvas.whole = std::move(whole);
  canvas.overlay = std::move(mask);
  return canvas;
}

// The whole picture, drawn at the request's size. Up to 7 pixels that only round the size up are edges, cut off later:
// so pixels stay pixels at any size.
Canvas spread_out(const Request& r, const Image& whole, const Image& mask) {
  const Size size{r.width, r.height};
  const auto rounds = [](int to, int from) { return to >= from && to - from < 8; };
  if (rounds(size.width, whole.width) && rounds(size.height, whole.height))
    return {.picture = place_with_edges(whole, 0, 0, size.width, size.height),
            .mask = place_with_edges(mask, 0, 0, size.width, size.height),
            .whole = whole,
            .overlay = doubled(mask),
            .place = {0, 0, size.width, size.height}};
  Canvas canvas{.picture = fit_picture(whole, size, r.resize_mode), .mask = fit_picture(mask, size, r.resize_mode), .whole = {}, .overlay = {}, .place = {0, 0, size.width, size.height}};
  canvas.whole = canvas.picture;
  canvas.overlay = doubled(canvas.mask);
  return canvas;
}

}  // namespace

std::optional<Size> size_by_picture(const Request& r) {
  if (!r.init_image || r.only_masked) return std::nullopt;
  const Size outer = outer_size(r);
  const bool pastes = r.compat != Compat::diffusers && (r.mask || r.outpaint.any());
  if (r.width == 0 && r.height == 0)
    return pastes ? Size{up_to_8(outer.width), up_to_8(outer.height)} : Size{down_to_8(outer.width), down_to_8(outer.height)};
  if (r.width == 0) return Size{nearest_8(static_cast<double>(r.height) * outer.width / outer.height), r.height};
  if (r.height == 0) return Size{r.width, nearest_8(static_cast<double>(r.width) * outer.height / outer.width)};
  return Size{r.width, r.height};
}

Canvas make_canvas(const Request& r) {
  check_inputs(r);
  if (!r.init_image) return {};
  const bool letter = r.compat == Compat::diffusers;  // no blur, pasting of cut-outs only; transparency is dropped
  const Size size{r.width, r.height}, outer = outer_size(r);
  Image picture = letter ? to_rgb(*r.init_image) : flatten(*r.init_image);
  if (r.outpaint.any()) picture = place_with_edges(picture, r.outpaint.left, r.outpaint.top, outer.width, outer.height);
  Image mask = outer_mask(r, outer);
  if (!mask.pixels.empty() && !letter) mask = gaussian_blur(mask, r.mask_blur);

  Canvas canvas;
  if (mask.pixels.empty()) {
    const bool in_latents = r.resize_mode == ResizeMode::latent;
    canvas.picture = fit_picture(picture, in_latents ? Size{at_least_8(outer.width), at_least_8(outer.height)} : size, r.resize_mode);
    return canvas;
  }
  canvas = r.only_masked ? cut_out(r, std::move(picture), std::move(mask)) : spread_out(r, picture, mask);
  if (letter && !r.only_masked) canvas.whole = canvas.overlay = {};
  if (r.inpainting_fill == InpaintFill::fill) canvas.picture = fill_hidden(canvas.picture, canvas.mask);
  return canvas;
}

Image paste_back(const Canvas& canvas, Image drawn) {
  if (canvas.whole.pixels.empty()) return drawn;
  Image above = canvas.whole;
  paste(above, fit_picture(drawn, {canvas.place.width, canvas.place.height}, ResizeMode::crop), canvas.place.x, canvas.place.y);
  return blend(canvas.whole, above, canvas.overlay);
}

}  // namespace imagent
