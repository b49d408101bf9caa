// The fields of a Request about the hires pass and about seeds.
#include <limits>

#include "pipeline/field_rules.h"
#include "pipeline/request_field_groups.h"

namespace imagent {

std::vector<Field<Request>> hires_fields() {
  const std::string group = "Hires fix";
  constexpr rule::WholeRange hires_side = {.low = 0, .high = 8192, .step = 8, .unset = 0};
  return {
      {{.name = "hires_scale", .flags = {"--hires"}, .json = {"hr_scale"}, .group = group, .value = "SCALE",
        .help = "Draw, enlarge that many times, and draw over; up to 1: off", .default_text = "off"},
       rule::real(&Request::hires_scale, {0, 8})},
      {{.name = "hires_width", .flags = {"--hires-width"}, .json = {"hr_resize_x"}, .group = group, .value = "PIXELS",
        .help = "Width of the second pass, instead of --hires; without the height that follows from the proportions", .default_text = "0, by --hires"},
       rule::whole(&Request::hires_width, hires_side)},
      {{.name = "hires_height", .flags = {"--hires-height"}, .json = {"hr_resize_y"}, .group = group, .value = "PIXELS",
        .help = "Height of the second pass; with both the picture is enlarged until it covers them, and cut", .default_text = "0, by --hires"},
       rule::whole(&Request::hires_height, hires_side)},
      {{.name = "enable_hr", .flags = {}, .json = {}, .group = group, .value = "", .help = "", .default_text = "", .kind = FieldKind::toggle},
       rule::toggle(&Request::enable_hr)},
      {{.name = "hires_steps", .flags = {"--hires-steps"}, .json = {"hr_second_pass_steps"}, .group = group, .value = "N",
        .help = "Steps of the second pass, all of which are done", .default_text = "0, as the first"},
       rule::whole(&Request::hires_steps, {.low = 0, .high = 1000})},
      {{.name = "hires_strength", .flags = {"--hires-strength"}, .json = {}, .group = group, .value = "X",
        .help = "How much the second pass changes", .default_text = ""},
       rule::real(&Request::hires_strength, {0, 1})},
      {{.name = "hires_upscaler", .flags = {"--hires-upscaler"}, .json = {"hr_upscaler"}, .group = group, .value = "NAME",
        .help = "latent, latent_antialiased, latent_bicubic, latent_bicubic_antialiased, latent_nearest, latent_nearest_exact, or as upscale takes it",
        .default_text = ""},
       rule::text(&Request::hires_upscaler)},
      {{.name = "hires_sampler", .flags = {"--hires-sampler"}, .json = {"hr_sampler_name"}, .group = group, .value = "NAME",
        .help = "Sampler of the second pass", .default_text = "as the first"},
       sampler_name(&Request::hires_sampler)},
      {{.name = "hires_scheduler", .flags = {"--hires-scheduler"}, .json = {"hr_scheduler"}, .group = group, .value = "NAME",
        .help = "Spacing of the second pass", .default_text = "as the first"},
       schedule_name(&Request::hires_scheduler)},
      {{.name = "hires_prompt", .flags = {"--hires-prompt"}, .json = {"hr_prompt"}, .group = group, .value = "TEXT",
        .help = "Prompt of the second pass", .default_text = "as the first"},
       rule::text(&Request::hires_prompt)},
      {{.name = "hires_negative_prompt", .flags = {"--hires-negative"}, .json = {"hr_negative_prompt"}, .group = group, .value = "TEXT",
        .help = "Negative prompt of the second pass", .default_text = "as the first"},
       rule::text(&Request::hires_negative)},
  };
}

// --seed-resize-from: both sides in one text.
static Rule<Request> seed_resize_from(const Rule<Request>& width, const Rule<Request>& height) {
  const auto set = [=](Request& request, const std::string& text) {
    const auto sides = split(lower_ascii(text), 'x');
    Request both = request;
    if (sides.size() != 2 || !width.set(both, std::string(sides[0])) || !height.set(both, std::string(sides[1]))) return false;
    request = both;
    return true;
  };
  return {"WIDTHxHEIGHT in pixels", set, [](const Request&) { return std::string(); }};
}

std::vector<Field<Request>> seed_fields() {
  const std::string group = "Seeds";
  constexpr long long any = std::numeric_limits<long long>::max() / 2;  // a batch counts on from there
  const rule::WholeRange side = {.low = -1, .high = 8192, .step = 1, .unset = 0};
  const auto width = rule::whole(&Request::seed_resize_width, side), height = rule::whole(&Request::seed_resize_height, side);
  return {
      {{.name = "variation_seed", .flags = {"--variation-seed"}, .json = {"subseed"}, .group = group, .value = "N",
        .help = "Second seed whose noise is mixed in; -1 draws one. Image i of a batch has variation seed + i", .default_text = ""},
       rule::whole(&Request::variation_seed, {.low = -1, .high = any})},
      {{.name = "variation_strength", .flags = {"--variation-strength"}, .json = {"subseed_strength"}, .group = group, .value = "X",
        .help = "Share of the variation seed's noise; above 0 all images of a batch have the same seed", .default_text = ""},
       rule::real(&Request::variation_strength, {0, 1})},
      {{.name = "seed_resize_from", .flags = {"--seed-resize-from"}, .json = {}, .group = group, .value = "WxH",
        .help = "Noise as a picture of that size has it, in the middle", .default_text = "off"},
       seed_resize_from(width, height)},
      {{.name = "seed_resize_from_w", .flags = {}, .json = {}, .group = group, .value = "", .help = "", .default_text = ""}, width},
      {{.name = "seed_resize_from_h", .flags = {}, .json = {}, .group = group, .value = "", .help = "", .default_text = ""}, height},
      {{.name = "ensd", .flags = {"--ensd"}, .json = {"eta_noise_seed_delta"}, .group = group, .value = "N",
        .help = "Ancestral samplers and SDE: added to the seed after the first noise (31337 in some old pictures)", .default_text = ""},
       rule::whole(&Request::ensd, {.low = -any, .high = any})},
  };
}

}  // namespace imagent
