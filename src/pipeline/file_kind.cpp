// Kinds of weight files, by the names of their tensors.
#include "pipeline/file_kind.h"

#include <algorithm>

#include "base/error.h"
#include "base/printable.h"
#include "weights/names_ldm.h"
#include "weights/open.h"

namespace imagent {
namespace {

struct Kind {
  std::string_view name;
  std::string_view what;
  ErrorKind error;
  std::vector<std::string_view> anywhere;  // one of these occurs in a tensor's name
  std::vector<std::string_view> at_start;  // or begins one
};

// The first that fits. Other architectures stand in front: some of them carry a VAE under the same names.
const std::vector<Kind>& kinds() {
  static const std::vector<Kind> rows = {
      {"lora", "a LoRA, which changes a model", ErrorKind::model, {".lora_down.", ".lora_up.", ".lora_A.", ".lora_B.", ".lora.down.", ".lora.up.", ".hada_w", ".lokr_w", ".oft_blocks"}, {"lora_"}},
      {"sd3", "a Stable Diffusion 3 model, which imagent does not know", ErrorKind::unsupported, {"joint_blocks."}, {}},
      {"flux", "a Flux model, which imagent does not know", ErrorKind::unsupported, {"double_blocks.", "single_transformer_blocks."}, {}},
      {"cascade", "a Stable Cascade model, which imagent does not know", ErrorKind::unsupported, {"effnet_mapper.", "clip_txt_pooled_mapper."}, {}},
      {"playground", "a model of the EDM kind (Playground), which imagent does not know", ErrorKind::unsupported, {}, {"edm_mean", "edm_vpred"}},
      {"t2i-adapter", "a T2I-Adapter, which guides a model", ErrorKind::model, {"body.0.resnets.0.block1.", "body.0.body.0.block1."}, {"body.0.block1.", "adapter.body.0.block1."}},
      {"ip-adapter", "an IP-Adapter, which lets a picture be a prompt", ErrorKind::model, {}, {"image_proj.", "ip_adapter."}},
      {"controlnet", "a ControlNet, which guides a model", ErrorKind::model, {"controlnet_cond_embedding."}, {"control_model.", "zero_convs."}},
      {"embedding", "a textual-inversion embedding", ErrorKind::model, {}, {"emb_params", "string_to_param", "clip_l", "clip_g"}},
      {"unet", "the UNet of a model only", ErrorKind::model, {}, {"model.diffusion_model.", "input_blocks."}},
      {"part", "one part of a diffusers folder, whose parts belong together", ErrorKind::model, {}, {"down_blocks.", "encoder.down_blocks.", "decoder.up_blocks.", "decoder.mid_block."}},
      {"vae", "a VAE only", ErrorKind::model, {}, {"first_stage_model.", "encoder.", "decoder."}},
      {"text encoder", "a text encoder only", ErrorKind::model, {}, {"cond_stage_model.", "conditioner.", "text_encoders.", "text_model.", "text_projection", "transformer.resblocks.", "token_embedding.", "encoder.block."}},
      {"image encoder", "an image encoder only", ErrorKind::model, {}, {"vision_model.", "visual_projection."}},
      {"upscaler", "an upscaler", ErrorKind::model, {}, {"conv_first.", "model.0.weight", "params_ema."}},
  };
  return rows;
}

bool fits(const Kind& kind, const std::string& name) {
  return std::any_of(kind.anywhere.begin(), kind.anywhere.end(), [&](std::string_view part) { return name.find(part) != std::string::npos; }) ||
         std::any_of(kind.at_start.begin(), kind.at_start.end(), [&](std::string_view part) { return name.starts_with(part); });
}

// nullptr: nothing else than a model.
const Kind* other_kind(const std::vector<std::string>& names, const LdmParts& parts) {
  const bool model = parts.contains("unet") && (parts.contains("text_encoder") || parts.contains("text_encoder_2") || parts.contains("vae"));
  for (const Kind& kind : kinds()) {
    if (kind.error == ErrorKind::model && model) continue;  // a model, whatever else lies in the file
    if (std::any_of(names.begin(), names.end(), [&](const std::string& name) { return fits(kind, name); })) return &kind;
  }
  return nullptr;
}

}  // namespace

std::string kind_of_weights(const std::vector<std::string>& names, const LdmParts& parts) {
  if (const Kind* kind = other_kind(names, parts)) return std::string(kind->name);
  return parts.contains("unet") ? "" : "unknown";
}

std::string kind_of_file(const std::filesystem::path& file) {
  try {
    const std::vector<std::string> names = open_weights(file)->names();
    return kind_of_weights(names, ldm_parts(names));
  } catch (const Error&) {
    return "damaged";
  }
}

std::string kind_of(const Source& file) {
  const Kind* kind = other_kind(file.names(), {});
  return kind ? std::string(kind->what) : "";
}

void require_whole_model(const Source& file, const LdmParts& parts, const std::function<bool(const std::string&)>& elsewhere) {
  constexpr const char* wanted = ": a whole model is wanted, with UNet, text encoder and VAE";
  constexpr const char* completed = ": name a folder in diffusers' layout that has the text encoder and the VAE (--model-config)";
  const std::vector<std::string> names = file.names();
  const auto has = [&](const char* part) { return parts.contains(part) || (elsewhere && elsewhere(part)); };
  const bool text = has("text_encoder") || has("text_encoder_2"), vae = has("vae");
  const Kind* kind = other_kind(names, parts);
  const bool unet_only = kind && kind->name == "unet";
  if (kind && !(unet_only && text && vae)) fail(kind->error, file.origin(), " is ", kind->what, unet_only ? completed : kind->error == ErrorKind::model ? wanted : "");
  check(parts.contains("unet"), ErrorKind::model, file.origin(), " is no Stable Diffusion model: none of its ", names.size(), " tensors has a name of one",
        names.empty() ? std::string() : " (the first is " + printable(names.front()) + ")");
  check(text, ErrorKind::model, file.origin(), " has no text encoder", wanted);
  check(vae, ErrorKind::model, file.origin(), " has no VAE", wanted, "; another one can be named (--vae)");
}

}  // namespace imagent
