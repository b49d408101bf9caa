// The fields of a Request: one row each. Names as in docs/cli.md; JSON names of A1111's /sdapi/v1 and OpenAI's images API.
#include "pipeline/request_fields.h"

#include <array>
#include <limits>

#include "base/error.h"
#include "pipeline/control_fields.h"
#include "pipeline/field_rules.h"
#include "pipeline/ip_adapter_fields.h"
#include "pipeline/request_field_groups.h"
#include "sampling/samplers.h"

namespace imagent {

using RequestRule = Rule<Request>;

static bool parse_pair(const std::string& text, std::string_view separators, std::array<long long, 2>& pair) {
  const size_t at = text.find_first_of(separators);
  if (at == std::string::npos) return false;
  const std::string_view whole = text;
  return parse_number(whole.substr(0, at), pair[0]) && parse_number(whole.substr(at + 1), pair[1]);
}

static RequestRule size(std::optional<Size> Request::*member) {
  const auto set = [=](Request& request, const std::string& text) {
    std::array<long long, 2> pair;
    if (!parse_pair(text, "xX", pair) || pair[0] < 1 || pair[1] < 1 || pair[0] > 65536 || pair[1] > 65536) return false;
    request.*member = Size{static_cast<int>(pair[0]), static_cast<int>(pair[1])};
    return true;
  };
  const auto get = [=](const Request& request) -> std::string {
    const auto& value = request.*member;
    return value ? str(value->width, "x", value->height) : "";
  };
  return {"WIDTHxHEIGHT in pixels, each from 1 to 65536", set, get};
}

static RequestRule offset(std::optional<Offset> Request::*member) {
  const auto set = [=](Request& request, const std::string& text) {
    std::array<long long, 2> pair;
    if (!parse_pair(text, ",", pair) || pair[0] < 0 || pair[1] < 0 || pair[0] > 65536 || pair[1] > 65536) return false;
    request.*member = Offset{static_cast<int>(pair[0]), static_cast<int>(pair[1])};
    return true;
  };
  const auto get = [=](const Request& request) -> std::string {
    const auto& value = request.*member;
    return value ? str(value->left, ",", value->top) : "";
  };
  return {"LEFT,TOP in pixels, each from 0 to 65536", set, get};
}

constexpr rule::WholeRange side = {.low = 64, .high = 8192, .step = 8, .unset = 0};

// OpenAI's "size": both sides in one text.
static RequestRule picture_size() {
  const RequestRule width = rule::whole(&Request::width, side), height = rule::whole(&Request::height, side);
  const auto set = [=](Request& request, const std::string& text) {
    if (text == "auto") return true;
    const size_t at = text.find('x');
    Request both = request;
    if (at == std::string::npos || !width.set(both, text.substr(0, at)) || !height.set(both, text.substr(at + 1))) return false;
    request = both;
    return true;
  };
  return {"WIDTHxHEIGHT, each " + width.allowed, set, [](const Request&) { return std::string(); }};
}

static RequestRule freeu() {
  const auto set = [](Request& request, const std::string& text) {
    double scales[4];
    const auto parts = split(text, ',');
    if (parts.size() != 4) return false;
    for (size_t i = 0; i < 4; ++i)
      if (!parse_number(parts[i], scales[i]) || !(scales[i] >= 0 && scales[i] <= 10)) return false;
    request.freeu = {static_cast<float>(scales[0]), static_cast<float>(scales[1]), static_cast<float>(scales[2]), static_cast<float>(scales[3])};
    return true;
  };
  const auto get = [](const Request& request) -> std::string {
    const FreeU& f = request.freeu;
    return f ? str(f.b1, ",", f.b2, ",", f.s1, ",", f.s2) : "";
  };
  return {"B1,B2,S1,S2, each from 0 to 10", set, get};
}

struct Preset {
  const char* name;
  int side, steps;
};
constexpr Preset presets[] = {{"fast", 256, 10}, {"standard", 512, 25}, {"high", 768, 35}, {"ultra", 1024, 50}};

// Stands behind width, height and steps in the list: it fills in those that were not given.
static RequestRule quality() {
  const auto set = [](Request& request, const std::string& text) {
    for (const Preset& preset : presets) {
      if (preset.name != lower_ascii(text)) continue;
      if (request.width == 0 && request.height == 0) request.width = request.height = preset.side;
      if (request.steps == 0) request.steps = preset.steps;
      return true;
    }
    return false;
  };
  std::vector<std::string> names;
  for (const Preset& preset : presets) names.push_back(preset.name);
  return {"one of " + join(names, ", "), set, [](const Request&) { return std::string(); }, names};
}

static RequestRule preview() {
  const RequestRule kind = rule::choice(&Request::preview, {{"none", PreviewKind::none}, {"latent", PreviewKind::latent},
                                                            {"taesd", PreviewKind::taesd}, {"vae", PreviewKind::vae}});
  const RequestRule every = rule::whole(&Request::preview_every, {.low = 1, .high = 1000, .unset = 0});
  const auto set = [=](Request& request, const std::string& text) {
    const auto parts = split(text, ':');
    Request both = request;
    if (text == "none")
      both.preview_every = 0;
    else if (parts.size() < 2 || parts.size() > 3 || parts[0] != "every" || !every.set(both, std::string(parts[1])) ||
             (parts.size() == 3 && !kind.set(both, std::string(parts[2]))))
      return false;
    request = both;
    return true;
  };
  const auto get = [=](const Request& request) {
    return request.preview_every == 0 ? "" : str("every:", request.preview_every, ":", kind.get(request));
  };
  return {"none or every:N[:latent|taesd|vae], N from 1 to 1000", set, get};
}

// A name of the list by any spelling that `find` knows; "" is the model's own.
template <class Entries, class Find>
static RequestRule listed_name(std::string Request::*member, const Entries& entries, const Find& find) {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.emplace_back(entry.name);
  const auto set = [=](Request& request, const std::string& text) {
    try {
      if (!text.empty()) find(text);
    } catch (const Error&) {
      return false;  // the caller names the list
    }
    request.*member = text;
    return true;
  };
  return {"one of " + join(names, ", "), set, [=](const Request& request) { return request.*member; }, names};
}

static RequestRule style_names() {
  const auto set = [](Request& request, const std::string& text) {
    std::vector<std::string> names;
    for (const Given& element : list_texts({text, "styles"})) names.push_back(element.text);
    request.styles = std::move(names);
    return true;
  };
  return {"names of the table's styles", set, [](const Request& request) { return request.styles.empty() ? "" : list_text(request.styles); }};
}

Rule<Request> sampler_name(std::string Request::*member) {
  return listed_name(member, samplers(), [](const std::string& name) { find_sampler(name); });
}
Rule<Request> schedule_name(std::string Request::*member) {
  return listed_name(member, schedules(), [](const std::string& name) { find_schedule(name); });
}

static std::vector<Field<Request>> prompt_fields() {
  const std::string group = "Prompt";
  return {
      {{.name = "prompt", .flags = {"-p", "--prompt"}, .json = {}, .group = group, .value = "TEXT",
        .help = "What to draw; - reads it from standard input", .default_text = ""},
       rule::text(&Request::prompt)},
      {{.name = "negative_prompt", .flags = {"-n", "--negative", "--negative-prompt"}, .json = {"negative"}, .group = group, .value = "TEXT",
        .help = "What to keep away from", .default_text = "none"},
       rule::text(&Request::negative)},
      {{.name = "prompt_2", .flags = {"--prompt-2"}, .json = {}, .group = "SDXL", .value = "TEXT",
        .help = "Prompt of the second text encoder", .default_text = "the prompt"},
       rule::text(&Request::prompt_2)},
      {{.name = "negative_prompt_2", .flags = {"--negative-2"}, .json = {"negative_2"}, .group = "SDXL", .value = "TEXT",
        .help = "Negative prompt of the second text encoder", .default_text = "the negative prompt"},
       rule::text(&Request::negative_2)},
      {{.name = "clip_skip", .flags = {"--clip-skip"}, .json = {"CLIP_stop_at_last_layers"}, .group = group, .value = "N",
        .help = "Layer of the text encoder that is read: 1 the last, 2 the one before", .default_text = "the model's"},
       rule::whole(&Request::clip_skip, {.low = 1, .high = 64, .unset = 0})},
      {{.name = "styles", .flags = {"--style"}, .json = {}, .group = group, .value = "NAME",
        .help = "A style of --styles-file around the prompts; may be given several times", .default_text = "none", .kind = FieldKind::list},
       style_names()},
      {{.name = "styles_file", .flags = {"--styles-file"}, .json = {}, .group = group, .value = "FILE",
        .help = "Table of styles as the web UI keeps it: name,prompt,negative_prompt", .default_text = "none", .recorded = false},
       rule::path(&Request::styles_file)},
      {{.name = "wildcards_dir", .flags = {"--wildcards-dir"}, .json = {}, .group = group, .value = "FOLDER",
        .help = "Folder of lists: __name__ in a prompt becomes a line of name.txt, drawn by the seed", .default_text = "none", .recorded = false},
       rule::path(&Request::wildcards_dir)},
      {{.name = "compat", .flags = {"--compat"}, .json = {}, .group = group, .value = "NAME",
        .help = "Whose rules decide where engines differ", .default_text = ""},
       rule::choice(&Request::compat, {{"native", Compat::native}, {"diffusers", Compat::diffusers}, {"a1111", Compat::a1111}})},
  };
}

static RequestRule prediction() {
  const std::map<std::string, std::string> diffusers_names = {
      {"epsilon", "epsilon"}, {"eps", "epsilon"}, {"v", "v_prediction"}, {"v_prediction", "v_prediction"}, {"sample", "sample"}};
  const auto set = [=](Request& request, const std::string& text) {
    const auto found = diffusers_names.find(lower_ascii(text));
    if (found == diffusers_names.end()) return false;
    request.prediction = found->second;
    return true;
  };
  return {"one of epsilon, v, sample", set, [](const Request& request) { return request.prediction; }, {"epsilon", "v", "sample"}};
}

static std::vector<Field<Request>> model_fields() {
  const std::string group = "Model";
  return {
      {{.name = "model", .flags = {"-m", "--model"}, .json = {"sd_model_checkpoint"}, .group = group, .value = "NAME",
        .help = "The model: a folder, a single file, an alias (sd15) or ORG/NAME[@REVISION] of the model hub", .default_text = "the built-in model", .recorded = false},
       rule::path(&Request::model)},
      {{.name = "model_config", .flags = {"--model-config"}, .json = {}, .group = group, .value = "FOLDER",
        .help = "Folder in diffusers' layout with what a single file lacks: the configuration, or all but the UNet", .default_text = "detected", .recorded = false},
       rule::path(&Request::model_config)},
      {{.name = "prediction", .flags = {"--prediction"}, .json = {"prediction_type"}, .group = group, .value = "NAME",
        .help = "What the model predicts: the noise, v or the picture", .default_text = "the model's"},
       prediction()},
      {{.name = "refiner", .flags = {"--refiner"}, .json = {"refiner_checkpoint"}, .group = group, .value = "NAME",
        .help = "A model that finishes the picture", .default_text = "none", .recorded = false},
       rule::path(&Request::refiner)},
      {{.name = "refiner_switch", .flags = {"--refiner-switch"}, .json = {"refiner_switch_at"}, .group = group, .value = "X",
        .help = "Part of the noise schedule after which the refiner takes over", .default_text = ""},
       rule::real(&Request::refiner_switch, {0, 1})},
      {{.name = "dtype", .flags = {"--dtype"}, .json = {}, .group = group, .value = "NAME",
        .help = "Arithmetic of the networks", .default_text = "the device's fastest"},
       rule::choice(&Request::dtype, {{"f32", DType::f32}, {"bf16", DType::bf16}, {"f16", DType::f16}})},
  };
}

static std::vector<Field<Request>> picture_fields() {
  const std::string group = "Picture";
  return {
      {{.name = "width", .flags = {"-W", "--width"}, .json = {}, .group = group, .value = "PIXELS",
        .help = "Width of the picture", .default_text = "the model's"},
       rule::whole(&Request::width, side)},
      {{.name = "height", .flags = {"-H", "--height"}, .json = {}, .group = group, .value = "PIXELS",
        .help = "Height of the picture", .default_text = "the model's"},
       rule::whole(&Request::height, side)},
      {{.name = "size", .flags = {}, .json = {}, .group = group, .value = "", .help = "", .default_text = "", .recorded = false}, picture_size()},
      {{.name = "steps", .flags = {"--steps", "--num-steps"}, .json = {"num_inference_steps", "sample_steps"}, .group = group, .value = "N",
        .help = "Steps of the sampler", .default_text = "the model's"},
       rule::whole(&Request::steps, {.low = 1, .high = 1000, .unset = 0})},
      {{.name = "quality", .flags = {"--quality"}, .json = {}, .group = group, .value = "NAME",
        .help = "Side of a square picture and steps, unless given: 256/10, 512/25, 768/35, 1024/50", .default_text = "none", .recorded = false},
       quality()},
      {{.name = "seed", .flags = {"-s", "--seed"}, .json = {}, .group = group, .value = "N",
        .help = "Start of the random numbers; -1 draws one, which is always printed. Image i of a batch has seed + i", .default_text = ""},
       rule::whole(&Request::seed, {.low = -1, .high = std::numeric_limits<long long>::max()})},
      {{.name = "batch", .flags = {"-b", "--batch"}, .json = {"batch_size", "n"}, .group = group, .value = "N",
        .help = "Pictures made together", .default_text = "", .recorded = false},
       rule::whole(&Request::batch, {.low = 1, .high = 64})},
  };
}

static std::vector<Field<Request>> sampling_fields() {
  const std::string group = "Sampling";
  return {
      {{.name = "guidance_scale", .flags = {"-g", "--cfg-scale", "--guidance-scale"}, .json = {"cfg_scale", "guidance"}, .group = group,
        .value = "X", .help = "How strongly the prompt counts; up to 1 the negative prompt is not used", .default_text = "the model's"},
       rule::real(&Request::guidance_scale, {0, 100})},
      {{.name = "guidance_rescale", .flags = {"--guidance-rescale"}, .json = {}, .group = group, .value = "X",
        .help = "Correction of contrast under strong guidance", .default_text = ""},
       rule::real(&Request::guidance_rescale, {0, 1})},
      {{.name = "guidance_start", .flags = {"--guidance-start"}, .json = {}, .group = group, .value = "X",
        .help = "Part of the steps before which there is no guidance", .default_text = ""},
       rule::real(&Request::guidance_start, {0, 1})},
      {{.name = "guidance_end", .flags = {"--guidance-end"}, .json = {}, .group = group, .value = "X",
        .help = "Part of the steps after which there is no guidance", .default_text = ""},
       rule::real(&Request::guidance_end, {0, 1})},
      {{.name = "freeu", .flags = {"--freeu"}, .json = {}, .group = group, .value = "B1,B2,S1,S2",
        .help = "FreeU: scales of the network's own channels and of the skip connections' low frequencies in the inner two levels, "
                "such as 1.5,1.6,0.9,0.2 for SD 1.5", .default_text = "none"},
       freeu()},
      {{.name = "sampler", .flags = {"--sampler"}, .json = {"sampler_name", "sampler_index", "sample_method"}, .group = group, .value = "NAME",
        .help = "Sampler, also as other programs call it (DPM++ 2M Karras)", .default_text = "the model's"},
       sampler_name(&Request::sampler)},
      {{.name = "scheduler", .flags = {"--scheduler"}, .json = {}, .group = group, .value = "NAME",
        .help = "Spacing of the noise levels", .default_text = "the model's"},
       schedule_name(&Request::scheduler)},
      {{.name = "eta", .flags = {"--eta"}, .json = {}, .group = group, .value = "X",
        .help = "Share of fresh noise in samplers that add some", .default_text = "the sampler's"},
       rule::real(&Request::eta, {0, 10})},
      {{.name = "rng", .flags = {"--rng"}, .json = {"randn_source"}, .group = group, .value = "NAME",
        .help = "Random numbers as of PyTorch's CPU or CUDA generator", .default_text = ""},
       rule::choice(&Request::rng, {{"cpu", GeneratorKind::cpu}, {"cuda", GeneratorKind::cuda}})},
      {{.name = "preview", .flags = {"--preview"}, .json = {}, .group = group, .value = "every:N[:KIND]",
        .help = "Save a preview beside the output every N steps", .default_text = "none", .recorded = false},
       preview()},
  };
}

static std::vector<Field<Request>> sdxl_fields() {
  struct Row {
    const char *name, *flag, *help, *fallback;
    std::optional<Size> Request::*member;
  };
  std::vector<Field<Request>> fields;
  for (const Row& row : {Row{"original_size", "--original-size", "Size that the picture is said to have had", "the picture's", &Request::original_size},
                         Row{"target_size", "--target-size", "Size that the picture is said to be for", "the picture's", &Request::target_size},
                         Row{"negative_original_size", "--negative-original-size", "The same for the negative prompt", "as the prompt's", &Request::negative_original_size},
                         Row{"negative_target_size", "--negative-target-size", "The same for the negative prompt", "as the prompt's", &Request::negative_target_size}})
    fields.push_back({{.name = row.name, .flags = {row.flag}, .json = {}, .group = "SDXL", .value = "WxH", .help = row.help, .default_text = row.fallback},
                      size(row.member)});
  fields.push_back({{.name = "crop", .flags = {"--crop"}, .json = {}, .group = "SDXL", .value = "LEFT,TOP",
                     .help = "Corner at which the picture is said to be cropped", .default_text = "0,0"},
                    offset(&Request::crop)});
  fields.push_back({{.name = "negative_crop", .flags = {"--negative-crop"}, .json = {}, .group = "SDXL", .value = "LEFT,TOP",
                     .help = "The same for the negative prompt", .default_text = "as the prompt's"},
                    offset(&Request::negative_crop)});
  return fields;
}

const std::vector<Field<Request>>& request_fields() {
  static const std::vector<Field<Request>> fields = [] {
    std::vector<Field<Request>> all;
    for (const auto& part : {prompt_fields(), model_fields(), lora_fields(), vae_fields(), picture_fields(), image_fields(), hires_fields(), seed_fields(), sampling_fields(), sdxl_fields()})
      all.insert(all.end(), part.begin(), part.end());
    all.push_back(controls_field());
    all.push_back(ip_adapters_field());
    return all;
  }();
  return fields;
}

void validate(const Request& request) {
  validate(request, request_fields());
  validate_controls(request);
  validate_ip_adapters(request);
  check(request.seed <= std::numeric_limits<int64_t>::max() - request.batch, ErrorKind::usage, "seed ", request.seed,
        ": too large for a batch of ", request.batch, ", whose last seed would not fit 64 bits");
}

}  // namespace imagent
