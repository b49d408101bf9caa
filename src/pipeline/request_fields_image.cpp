// The fields of a Request about a picture to start from. The pictures themselves (init_image, mask) are no text: the
// command line reads files, a server decodes what A1111's API calls init_images and mask.
#include <array>

#include "pipeline/field_rules.h"
#include "pipeline/request_field_groups.h"

namespace imagent {
namespace {

// A1111's API gives numbers, in the order of the list.
template <class V>
Rule<Request> numbered_choice(V Request::*member, std::vector<std::pair<std::string, V>> values) {
  Rule<Request> by_name = rule::choice(member, values);
  const auto set = [values, by_name](Request& request, const std::string& text) {
    long long number = 0;
    const bool is_index = parse_number(text, number) && number >= 0 && number < static_cast<long long>(values.size());
    return by_name.set(request, is_index ? values[static_cast<size_t>(number)].first : text);
  };
  return {by_name.allowed, set, by_name.get, by_name.choices};
}

Rule<Request> sides() {
  constexpr long long most = 4096;
  const auto set = [](Request& request, const std::string& text) {
    const auto parts = split(text, ',');
    std::array<long long, 4> pixels{};
    if (parts.size() != 1 && parts.size() != 4) return false;
    for (size_t i = 0; i < 4; ++i)
      if (!parse_number(parts[parts.size() == 1 ? 0 : i], pixels[i]) || pixels[i] < 0 || pixels[i] > most) return false;
    request.outpaint = {static_cast<int>(pixels[0]), static_cast<int>(pixels[1]), static_cast<int>(pixels[2]), static_cast<int>(pixels[3])};
    return true;
  };
  const auto get = [](const Request& r) -> std::string {
    return r.outpaint.any() ? str(r.outpaint.left, ",", r.outpaint.top, ",", r.outpaint.right, ",", r.outpaint.bottom) : "";
  };
  return {"N or LEFT,TOP,RIGHT,BOTTOM in pixels, each from 0 to 4096", set, get};
}

std::vector<Field<Request>> mask_fields() {
  const std::string group = "Mask";
  return {
      {{.name = "mask_blur", .flags = {"--mask-blur"}, .json = {}, .group = group, .value = "PIXELS",
        .help = "Softens the mask's edge, over which old and new are blended", .default_text = ""},
       rule::whole(&Request::mask_blur, {.low = 0, .high = 256})},
      {{.name = "mask_invert", .flags = {"--mask-invert"}, .json = {"inpainting_mask_invert"}, .group = group, .value = "",
        .help = "Draw where the mask is black", .default_text = "", .kind = FieldKind::toggle},
       rule::toggle(&Request::mask_invert)},
      {{.name = "only_masked", .flags = {"--only-masked"}, .json = {"inpaint_full_res"}, .group = group, .value = "",
        .help = "Draw a cut-out around the mask at the full size, and put it back", .default_text = "", .kind = FieldKind::toggle},
       rule::toggle(&Request::only_masked)},
      {{.name = "only_masked_padding", .flags = {"--mask-padding"}, .json = {"inpaint_full_res_padding"}, .group = group, .value = "PIXELS",
        .help = "What the cut-out shows around the mask", .default_text = ""},
       rule::whole(&Request::only_masked_padding, {.low = 0, .high = 4096})},
      {{.name = "inpainting_fill", .flags = {"--mask-fill"}, .json = {}, .group = group, .value = "NAME",
        .help = "What stands under the mask at the start", .default_text = ""},
       numbered_choice(&Request::inpainting_fill, {{"fill", InpaintFill::fill}, {"original", InpaintFill::original},
                                                   {"latent_noise", InpaintFill::latent_noise}, {"latent_nothing", InpaintFill::latent_nothing}})},
  };
}

}  // namespace

std::vector<Field<Request>> image_fields() {
  const std::string group = "Image to image";
  std::vector<Field<Request>> fields = {
      {{.name = "strength", .flags = {"--strength"}, .json = {"denoising_strength"}, .group = group, .value = "X",
        .help = "0 keeps the picture, 1 draws it anew", .default_text = "0.75, outpaint 1"},
       rule::real(&Request::strength, {0, 1})},
      {{.name = "resize_mode", .flags = {"--resize-mode"}, .json = {}, .group = group, .value = "NAME",
        .help = "How the picture takes the size that is drawn", .default_text = ""},
       numbered_choice(&Request::resize_mode, {{"stretch", ResizeMode::stretch}, {"crop", ResizeMode::crop}, {"fill", ResizeMode::fill}, {"latent", ResizeMode::latent}})},
      {{.name = "image_guidance", .flags = {"--image-guidance"}, .json = {"image_cfg_scale", "image_guidance_scale"}, .group = group, .value = "X",
        .help = "Models for editing: how strongly the picture counts", .default_text = "1.5"},
       rule::real(&Request::image_guidance, {1, 100})},
      {{.name = "outpaint", .flags = {"--outpaint"}, .json = {}, .group = group, .value = "PIXELS",
        .help = "Pixels to add: N on each side, or LEFT,TOP,RIGHT,BOTTOM", .default_text = "0"},
       sides()},
  };
  for (Field<Request>& field : mask_fields()) fields.push_back(std::move(field));
  return fields;
}

}  // namespace imagent
