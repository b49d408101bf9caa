// Configuration files of diffusers and transformers.
#include "pipeline/model_config.h"

#include <algorithm>

#include "base/mapped_file.h"
#include "base/printable.h"
#include "pipeline/json_fields.h"

namespace imagent {

using nlohmann::json;

json read_config(const std::filesystem::path& path) {
  check(std::filesystem::exists(path), ErrorKind::model, "this model lacks the file ", path.string());
  const auto file = MappedFile::open(path, ErrorKind::model);
  const auto bytes = file->bytes();
  check(bytes.size() <= size_t{2} << 20, ErrorKind::model, path.string(), " is ", bytes.size() >> 20, " MiB large, a configuration file is not");
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  const json::parser_callback_t shallow = [&](int depth, json::parse_event_t, json&) {
    check(depth <= 64, ErrorKind::model, path.string(), " is nested too deeply");
    return true;
  };
  json config = json::parse(text, text + bytes.size(), shallow, /*allow_exceptions=*/false);
  check(config.is_object(), ErrorKind::model, path.string(), " holds no JSON object");
  return config;
}

// attention_head_dim is the number of heads (a historic misnomer), one for all levels or a list.
static std::vector<int> heads_of(const JsonFields& fields, size_t levels) {
  const char* key = fields.find("num_attention_heads") ? "num_attention_heads" : "attention_head_dim";
  const json* value = fields.find(key);
  std::vector<int> heads(levels, 8);
  if (!value) return heads;
  const auto is_count = [](const json& n) { return n.is_number_integer() && n.get<int64_t>() > 0 && n.get<int64_t>() <= 4096; };
  fields.require(is_count(*value) || (value->is_array() && value->size() == levels && std::all_of(value->begin(), value->end(), is_count)), key,
                 "a count of heads, or one for each level");
  for (size_t i = 0; i < levels; ++i) heads[i] = value->is_array() ? (*value)[i].get<int>() : value->get<int>();
  return heads;
}

static void require_value(const JsonFields& fields, const std::string& key, const std::string& only, const std::string& origin) {
  const std::string value = fields.get<std::string>(key, only);
  check(value == only, ErrorKind::unsupported, origin, ": \"", key, "\" is \"", printable(value), "\", imagent knows \"", only, "\" only");
}

UNetConfig unet_config(const json& config, const std::string& origin) {
  const JsonFields fields(config, origin);
  const json* channels = fields.find("block_out_channels");
  fields.require(!channels || (channels->is_array() && !channels->empty() && channels->size() <= 16), "block_out_channels", "a list");
  UNetConfig out;
  out.heads = heads_of(fields, channels ? channels->size() : 4);
  out.norm_num_groups = fields.get("norm_num_groups", 32);
  fields.require(out.norm_num_groups > 0, "norm_num_groups", "positive");
  out.norm_eps = fields.get("norm_eps", 1e-5f);
  out.flip_sin_to_cos = fields.get("flip_sin_to_cos", true);
  out.freq_shift = fields.get("freq_shift", 0.0f);
  out.addition_time_embed_dim = fields.get("addition_time_embed_dim", 0);
  fields.require(out.addition_time_embed_dim >= 0 && out.addition_time_embed_dim <= 65536, "addition_time_embed_dim", "a width");
  const json* size = fields.find("sample_size");
  if (size && size->is_number()) out.sample_size = fields.get("sample_size", 64);
  fields.require(out.sample_size > 0 && out.sample_size <= 4096, "sample_size", "the side of a latent");
  require_value(fields, "act_fn", "silu", origin);
  require_value(fields, "time_embedding_type", "positional", origin);
  require_value(fields, "resnet_time_scale_shift", "default", origin);
  const json* added = fields.find("addition_embed_type");
  check(!added || *added == "text_time", ErrorKind::unsupported, origin, ": \"addition_embed_type\" is neither absent nor \"text_time\"");
  check(!fields.find("class_embed_type") && !fields.find("encoder_hid_dim_type"), ErrorKind::unsupported, origin,
        ": class embeddings and projected encoder states are not known");
  return out;
}

ClipTextConfig clip_text_config(const json& config, const std::string& origin) {
  const JsonFields fields(config, origin);
  ClipTextConfig out;
  out.heads = fields.get("num_attention_heads", 8);
  fields.require(out.heads > 0 && out.heads <= 4096, "num_attention_heads", "a count of heads");
  out.layer_norm_eps = fields.get("layer_norm_eps", 1e-5f);
  out.eos_token_id = fields.get("eos_token_id", 49407);
  const std::string act = fields.get<std::string>("hidden_act", "quick_gelu");
  check(act == "quick_gelu" || act == "gelu", ErrorKind::unsupported, origin, ": \"hidden_act\" is \"", printable(act), "\", imagent knows quick_gelu and gelu");
  out.act = act == "gelu" ? Act::gelu : Act::quick_gelu;
  return out;
}

VaeConfig vae_config(const json& config, const std::string& origin) {
  const JsonFields fields(config, origin);
  VaeConfig out;
  out.norm_num_groups = fields.get("norm_num_groups", 32);
  fields.require(out.norm_num_groups > 0, "norm_num_groups", "positive");
  out.scaling_factor = fields.get("scaling_factor", 0.18215f);
  fields.require(out.scaling_factor > 0, "scaling_factor", "positive");
  out.latent_channels = fields.get("latent_channels", 4);
  fields.require(out.latent_channels > 0 && out.latent_channels <= 64, "latent_channels", "a count of channels");
  require_value(fields, "act_fn", "silu", origin);
  const json* levels = fields.find("block_out_channels");
  check(!levels || (levels->is_array() && levels->size() == 4), ErrorKind::unsupported, origin,
        ": \"block_out_channels\" should be a list of 4, for pictures 8 times as large as their latents");
  return out;
}

SchedulerFile scheduler_file(const json& config, const std::string& origin) {
  SchedulerFile file;
  for (const auto& [key, value] : config.items()) {
    if (value.is_boolean())
      file[key] = value.get<bool>();
    else if (value.is_number())
      file[key] = value.get<double>();
    else if (value.is_string())
      file[key] = value.get<std::string>();
    else if (value.is_array() && std::all_of(value.begin(), value.end(), [](const json& n) { return n.is_number(); }))
      file[key] = value.get<std::vector<double>>();
    else
      check(value.is_null(), ErrorKind::model, origin, ": \"", printable(key), "\" is neither a number, a text, true, false nor a list of numbers");
  }
  return file;
}

}  // namespace imagent
