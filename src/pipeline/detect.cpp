// Kinds of single files. diffusers loaders/single_file_utils.py: infer_diffusers_model_type; A1111 sd_models_config.py;
// metadata: github.com/Stability-AI/ModelSpec.
#include "pipeline/detect.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "base/str.h"

namespace imagent {
namespace {

// A family of models: which text its UNet reads, and what follows from that.
struct Family {
  const char* kind;
  int64_t context;              // width of the text's hidden states
  int64_t pooled;               // width of what is added to the time embedding: pooled text and size numbers
  int heads, head_width;        // one of the two is 0
  int size_number_width;        // SDXL: of each embedded size number
  int sample_size;
  float scaling_factor;
  bool zeros_for_no_negative, wants_aesthetic_score;
};
constexpr Family families[] = {
    {"sd1", 768, 0, 8, 0, 0, 64, 0.18215f, false, false},         // SD 1
    {"sd2", 1024, 0, 0, 64, 0, 64, 0.18215f, false, false},       // SD 2
    {"sdxl", 2048, 2816, 0, 64, 256, 128, 0.13025f, true, false},  // SDXL
    {"sdxl-refiner", 1280, 2560, 0, 64, 256, 128, 0.13025f, false, true},  // SDXL's refiner
};
constexpr int64_t sd2_context = 1024;
constexpr int sd2_v_sample_size = 96;

struct TextEncoder {
  int64_t width;
  int heads;
  Act act;
  const char* pad;
};
constexpr TextEncoder text_encoders[] = {
    {768, 12, Act::quick_gelu, "<|endoftext|>"},  // OpenAI's ViT-L/14
    {1024, 16, Act::gelu, "!"},                   // OpenCLIP's ViT-H/14
    {1280, 20, Act::gelu, "!"},                   // OpenCLIP's ViT-bigG/14
};
constexpr int64_t clip_vocabulary = 49408;

// What decides between the rows and between schedulers.
struct Traits {
  int64_t context = 0, pooled = 0, in_channels = 0;
  bool lcm = false, turbo = false, zero_terminal_snr = false;
  std::string prediction;  // "": not told
  int side = 0;            // of the pictures, told by the metadata; 0: not told
};

int64_t axis_of(const Source& source, const std::string& name, int axis) {
  const auto view = source.find(name);
  return view && axis < view->shape.rank() ? view->shape[axis] : 0;
}

// "SDXL-Turbo fp16" -> "sdxlturbofp16"
std::string letters_of(const std::string& text) {
  std::string out;
  for (const char c : lower_ascii(text))
    if (std::isalnum(static_cast<unsigned char>(c))) out += c;
  return out;
}

// What the shapes of the UNet tell.
Traits traits_of(const Source& unet) {
  Traits t;
  for (const std::string& name : unet.names())
    if (name.ends_with(".attn2.to_k.weight")) t.context = axis_of(unet, name, 1);
  t.pooled = axis_of(unet, "add_embedding.linear_1.weight", 1);
  t.in_channels = axis_of(unet, "conv_in.weight", 1);
  return t;
}

const Family* family_of(const Traits& t) {
  const auto family = std::find_if(std::begin(families), std::end(families), [&](const Family& f) { return f.context == t.context && f.pooled == t.pooled; });
  return family == std::end(families) ? nullptr : family;
}

Traits traits_of(const Source& file, const Source& unet) {
  Traits t = traits_of(unet);
  t.lcm = unet.find("time_embedding.cond_proj.weight").has_value();
  const auto metadata = file.metadata();
  const auto told = [&](const char* key) {
    const auto found = metadata.find(key);
    return found == metadata.end() ? std::string() : lower_ascii(found->second);
  };
  // Distilled models have the shapes of their teachers; their makers' titles and file names tell.
  for (const std::string& title : {told("modelspec.title"), std::filesystem::path(file.origin()).stem().string()})
    for (const char* name : {"sdxlturbo", "sdturbo"}) t.turbo |= letters_of(title).find(name) != std::string::npos;
  t.zero_terminal_snr = file.find("ztsnr").has_value();
  const std::string prediction = told("modelspec.prediction_type"), architecture = told("modelspec.architecture");
  if (file.find("v_pred") || prediction == "v" || prediction == "v_prediction" || architecture.find("v2-768-v") != std::string::npos)
    t.prediction = "v_prediction";
  else if (prediction == "epsilon" || t.context != sd2_context || t.in_channels != 4 || t.turbo || architecture.find("v2-512") != std::string::npos)
    t.prediction = "epsilon";
  long long side = 0;
  const std::string resolution = told("modelspec.resolution");  // "1024x1024"
  if (parse_number(std::string_view(resolution).substr(0, resolution.find('x')), side) && side >= 64 && side <= 8192) t.side = static_cast<int>(side);
  return t;
}

// The published scheduler_config.json of each family.
SchedulerFile scheduler_of(const Traits& t) {
  SchedulerFile file = {{"beta_start", 0.00085}, {"beta_end", 0.012}, {"beta_schedule", std::string("scaled_linear")}, {"num_train_timesteps", 1000.0},
                        {"clip_sample", false},  {"set_alpha_to_one", false}, {"skip_prk_steps", true}, {"steps_offset", 1.0}};
  const auto set = [&](const char* key, const char* text) { file[key] = std::string(text); };
  if (t.lcm) {
    set("_class_name", "LCMScheduler");
    set("timestep_spacing", "leading");
    file["set_alpha_to_one"] = true;
    file["original_inference_steps"] = 50.0;
  } else if (t.turbo) {
    set("_class_name", t.pooled ? "EulerAncestralDiscreteScheduler" : "EulerDiscreteScheduler");
    set("timestep_spacing", "trailing");
  } else if (t.pooled) {
    set("_class_name", "EulerDiscreteScheduler");
    set("timestep_spacing", "leading");
  } else if (t.in_channels == 8) {  // InstructPix2Pix
    set("_class_name", "EulerAncestralDiscreteScheduler");
  } else {
    const bool ddim = t.prediction == "v_prediction" || (t.in_channels == 9 && t.context != sd2_context);
    set("_class_name", ddim ? "DDIMScheduler" : "PNDMScheduler");
  }
  if (!t.prediction.empty()) set("prediction_type", t.prediction.c_str());
  if (t.zero_terminal_snr) {
    file["rescale_betas_zero_snr"] = true;
    set("timestep_spacing", "trailing");
  }
  return file;
}

const TextEncoder& text_encoder_of(const Source& source) {
  const char* table = "text_model.embeddings.token_embedding.weight";
  const int64_t width = axis_of(source, table, 1), entries = axis_of(source, table, 0);
  const auto found = std::find_if(std::begin(text_encoders), std::end(text_encoders), [&](const TextEncoder& e) { return e.width == width; });
  check(found != std::end(text_encoders) && entries == clip_vocabulary, ErrorKind::unsupported, source.origin(), ": its text encoder has ", entries,
        " vocabulary entries of width ", width, ", CLIP's have ", clip_vocabulary, " of 768, 1024 or 1280: name a folder with its configuration (--model-config)");
  return *found;
}

std::vector<int> heads_of(const Source& unet, const Family& family) {
  std::vector<int> heads;
  for (int level = 0;; ++level) {
    const int64_t width = axis_of(unet, str("down_blocks.", level, ".resnets.0.conv1.weight"), 0);
    if (width == 0) return heads;
    heads.push_back(family.heads ? family.heads : std::max(1, static_cast<int>(width) / family.head_width));
  }
}

const Family& family_of(const Source& file, const Traits& t, const char* what) {
  const Family* family = family_of(t);
  check(family, ErrorKind::unsupported, file.origin(), ": its ", what, " reads text of width ", t.context,
        t.pooled ? str(" and ", t.pooled, " added numbers") : "", ", which no known model does: name a folder with its configuration",
        std::string_view(what) == "UNet" ? " (--model-config)" : "");
  return *family;
}

}  // namespace

std::string kind_of_unet(const Source& unet) {
  const Traits t = traits_of(unet);
  const Family* family = family_of(t);
  return std::string(family ? family->kind : "sd") + (t.in_channels == 9 ? "-inpaint" : t.in_channels == 8 ? "-pix2pix" : "");
}

UNetConfig detect_controlnet(const Source& controlnet) {
  const Family& family = family_of(controlnet, traits_of(controlnet, controlnet), "ControlNet");
  UNetConfig config;
  config.heads = heads_of(controlnet, family);
  config.addition_time_embed_dim = family.size_number_width;
  return config;
}

T2IAdapterConfig detect_t2i_adapter(const Source& adapter) {
  const bool light = !adapter.find("conv_in.weight");
  const int64_t in = axis_of(adapter, light ? "body.0.in_conv.weight" : "conv_in.weight", 1);
  constexpr int64_t square = 8 * 8, square_xl = 16 * 16;  // pixels that become one; their colours are channels
  check(in == square || in == 3 * square || in == square_xl || in == 3 * square_xl, ErrorKind::unsupported, adapter.origin(), ": the T2I-Adapter takes ", in,
        " channels, known ones take ", square, ", ", 3 * square, ", ", square_xl, " or ", 3 * square_xl, ": name a folder with its configuration");
  if (in == square || in == 3 * square) return {.downscale = 8, .xl = false};
  return {.downscale = 16, .xl = !light};
}

std::string pad_token(const Source& text_encoder) { return text_encoder_of(text_encoder).pad; }

ModelConfig detect_model(const std::shared_ptr<const Source>& file, const LdmParts& parts, const std::string& prediction) {
  const auto unet = rearranged(file, parts.at("unet"));
  Traits t = traits_of(*file, *unet);
  if (!prediction.empty()) t.prediction = prediction;
  const Family& family = family_of(*file, t, "UNet");
  ModelConfig config;
  config.unet.heads = heads_of(*unet, family);
  config.unet.addition_time_embed_dim = family.size_number_width;
  config.unet.sample_size = t.side ? t.side / 8 : t.turbo ? 64 : family.sample_size;
  if (!t.side && t.context == sd2_context && t.prediction == "v_prediction") config.unet.sample_size = sd2_v_sample_size;
  config.vae.scaling_factor = family.scaling_factor;
  if (parts.contains("vae")) config.vae.latent_channels = static_cast<int>(axis_of(*rearranged(file, parts.at("vae")), "decoder.conv_in.weight", 1));
  for (const char* part : {"text_encoder", "text_encoder_2"}) {
    if (!parts.contains(part)) continue;
    const TextEncoder& encoder = text_encoder_of(*rearranged(file, parts.at(part)));
    config.text_encoders[part] = {.heads = encoder.heads, .act = encoder.act};
  }
  config.scheduler = scheduler_of(t);
  config.prediction_known = !t.prediction.empty();
  config.zeros_for_no_negative = family.zeros_for_no_negative;
  config.wants_aesthetic_score = family.wants_aesthetic_score;
  config.defaults = model_defaults(config.scheduler, config.unet.sample_size, parts.contains("text_encoder_2"));
  return config;
}

}  // namespace imagent
