// Reading a network's structure off its tensors. diffusers models/unets/unet_2d_condition.py, autoencoders/autoencoder_kl.py;
// transformers models/clip/configuration_clip.py.
#include "pipeline/part_config.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/str.h"

namespace imagent {

using nlohmann::ordered_json;

namespace {

int64_t axis_of(const Source& source, const std::string& name, int axis) {
  const auto view = source.find(name);
  return view && axis < view->shape.rank() ? view->shape[axis] : 0;
}

// One level of blocks, "down_blocks.1".
struct Level {
  int64_t width = 0;
  int resnets = 0, attentions = 0;
  std::vector<int> depths;  // transformer blocks of each attention
};

int count_of(const Source& source, const std::string& list, const std::string& member) {
  int count = 0;
  while (source.find(str(list, ".", count, ".", member))) ++count;
  return count;
}

Level level_of(const Source& source, const std::string& name) {
  Level level;
  level.width = axis_of(source, name + ".resnets.0.conv1.weight", 0);
  level.resnets = count_of(source, name + ".resnets", "conv1.weight");
  level.attentions = count_of(source, name + ".attentions", "norm.weight");
  for (int i = 0; i < level.attentions; ++i) level.depths.push_back(count_of(source, str(name, ".attentions.", i, ".transformer_blocks"), "norm1.weight"));
  return level;
}

std::vector<Level> levels_of(const Source& source, const std::string& list) {
  std::vector<Level> levels;
  for (Level level = level_of(source, list + ".0"); level.resnets > 0; level = level_of(source, str(list, ".", levels.size()))) levels.push_back(level);
  return levels;
}

// The double that prints as the float does: 0.13025 and not 0.13024999...
double decimal_of(float value) {
  char digits[48];
  double out = value;
  parse_number(std::string_view(digits, std::to_chars(digits, digits + sizeof digits, value).ptr), out);
  return out;
}

// "[1,2,10]" as diffusers writes it: one number when all are the same.
ordered_json collapsed(const std::vector<int>& values) {
  const bool same = std::all_of(values.begin(), values.end(), [&](int v) { return v == values.front(); });
  return same ? ordered_json(values.front()) : ordered_json(values);
}

// Of each level, outermost first; a level without attention says something that is never used, as published ones do.
std::vector<int> transformer_depths(const std::vector<Level>& down, const std::vector<Level>& up, const Level& middle, const std::string& origin) {
  std::vector<int> depths(down.size(), 0);
  bool usual = down.size() == up.size() && !down.empty();
  const auto take = [&](const Level& level, size_t at) {
    for (const int depth : level.depths) {
      if (depths[at] == 0) depths[at] = depth;
      usual &= depths[at] == depth;
    }
  };
  for (size_t i = 0; usual && i < down.size(); ++i) {
    take(down[i], i);
    take(up[up.size() - 1 - i], i);
    usual &= down[i].resnets == down[0].resnets && up[i].resnets == down[0].resnets + 1;
    for (const Level* level : {&down[i], &up[i]}) usual &= level->attentions == 0 || level->attentions == level->resnets;
  }
  if (usual) take(middle, depths.size() - 1);
  check(usual, ErrorKind::unsupported, origin, ": its UNet's blocks differ from each other in an unusual way: name a folder with its configuration (--model-config)");
  const int deepest = *std::max_element(depths.begin(), depths.end());
  const bool one_depth = std::all_of(depths.begin(), depths.end(), [&](int depth) { return depth == 0 || depth == deepest; });
  for (size_t i = 0; i < depths.size(); ++i)
    if (depths[i] == 0) depths[i] = one_depth ? std::max(deepest, 1) : i > 0 ? depths[i - 1] : 1;
  return depths;
}

ordered_json widths(const std::vector<Level>& levels) {
  ordered_json list = ordered_json::array();
  for (const Level& level : levels) list.push_back(level.width);
  return list;
}

ordered_json types(const std::vector<Level>& levels, const char* plain, const char* attending) {
  ordered_json list = ordered_json::array();
  for (const Level& level : levels) list.push_back(level.attentions ? attending : plain);
  return list;
}

}  // namespace

UNetFacts unet_facts(const Source& unet) {
  return {axis_of(unet, "conv_in.weight", 1), axis_of(unet, "time_embedding.cond_proj.weight", 1)};
}

ordered_json unet_json(const Source& unet, const ModelConfig& config) {
  const std::vector<Level> down = levels_of(unet, "down_blocks"), up = levels_of(unet, "up_blocks");
  const Level middle = level_of(unet, "mid_block");
  const UNetFacts facts = unet_facts(unet);
  const int64_t added = axis_of(unet, "add_embedding.linear_1.weight", 1);
  int64_t context = 0;
  bool linear = false;
  for (const std::string& name : unet.names()) {
    if (name.ends_with(".attn2.to_k.weight")) context = axis_of(unet, name, 1);
    if (name.ends_with(".proj_in.weight")) linear = unet.find(name)->shape.rank() == 2;
  }
  constexpr int64_t sd2_context = 1024;
  const auto v = config.scheduler.find("prediction_type");
  const bool upcast = context == sd2_context && v != config.scheduler.end() && v->second == SchedulerValue(std::string("v_prediction"));
  const auto or_null = [](int64_t number) { return number ? ordered_json(number) : ordered_json(nullptr); };
  return {{"_class_name", "UNet2DConditionModel"}, {"_diffusers_version", diffusers_version}, {"act_fn", "silu"},
          {"addition_embed_type", added ? ordered_json("text_time") : ordered_json(nullptr)}, {"addition_time_embed_dim", or_null(config.unet.addition_time_embed_dim)},
          {"attention_head_dim", collapsed(config.unet.heads)}, {"block_out_channels", widths(down)}, {"center_input_sample", false},
          {"cross_attention_dim", context}, {"down_block_types", types(down, "DownBlock2D", "CrossAttnDownBlock2D")}, {"downsample_padding", 1},
          {"flip_sin_to_cos", true}, {"freq_shift", 0}, {"in_channels", facts.in_channels}, {"layers_per_block", down.empty() ? 0 : down[0].resnets},
          {"mid_block_scale_factor", 1}, {"mid_block_type", middle.resnets ? ordered_json("UNetMidBlock2DCrossAttn") : ordered_json(nullptr)},
          {"norm_eps", 1e-05}, {"norm_num_groups", config.unet.norm_num_groups}, {"out_channels", axis_of(unet, "conv_out.weight", 0)},
          {"projection_class_embeddings_input_dim", or_null(added)}, {"sample_size", config.unet.sample_size}, {"time_cond_proj_dim", or_null(facts.guidance_width)},
          {"transformer_layers_per_block", collapsed(transformer_depths(down, up, middle, unet.origin()))},
          {"up_block_types", types(up, "UpBlock2D", "CrossAttnUpBlock2D")}, {"upcast_attention", upcast}, {"use_linear_projection", linear}};
}

ordered_json vae_json(const Source& vae, const ModelConfig& config) {
  const std::vector<Level> down = levels_of(vae, "encoder.down_blocks"), up = levels_of(vae, "decoder.up_blocks");
  std::vector<Level> from_decoder(up.rbegin(), up.rend());  // a VAE may lack its encoder
  const std::vector<Level>& levels = down.empty() ? from_decoder : down;
  const bool upcast = config.text_encoders.contains("text_encoder_2");  // SDXL's overflows in f16
  return {{"_class_name", "AutoencoderKL"}, {"_diffusers_version", diffusers_version}, {"act_fn", "silu"}, {"block_out_channels", widths(levels)},
          {"down_block_types", std::vector<std::string>(levels.size(), "DownEncoderBlock2D")}, {"force_upcast", upcast}, {"in_channels", 3},
          {"latent_channels", config.vae.latent_channels}, {"layers_per_block", up.empty() ? 0 : up[0].resnets - 1}, {"norm_num_groups", config.vae.norm_num_groups},
          {"out_channels", axis_of(vae, "decoder.conv_out.weight", 0)}, {"sample_size", 8 * config.unet.sample_size}, {"scaling_factor", decimal_of(config.vae.scaling_factor)},
          {"up_block_types", std::vector<std::string>(levels.size(), "UpDecoderBlock2D")}};
}

ordered_json clip_json(const Source& encoder, const ClipTextConfig& config) {
  const int64_t width = axis_of(encoder, "text_model.embeddings.token_embedding.weight", 1), projected = axis_of(encoder, "text_projection.weight", 0);
  return {{"architectures", {projected ? "CLIPTextModelWithProjection" : "CLIPTextModel"}}, {"attention_dropout", 0.0}, {"bos_token_id", 0}, {"dropout", 0.0},
          {"eos_token_id", config.eos_token_id}, {"hidden_act", config.act == Act::gelu ? "gelu" : "quick_gelu"}, {"hidden_size", width}, {"initializer_factor", 1.0},
          {"initializer_range", 0.02}, {"intermediate_size", axis_of(encoder, "text_model.encoder.layers.0.mlp.fc1.weight", 0)}, {"layer_norm_eps", 1e-05},
          {"max_position_embeddings", axis_of(encoder, "text_model.embeddings.position_embedding.weight", 0)}, {"model_type", "clip_text_model"},
          {"num_attention_heads", config.heads}, {"num_hidden_layers", count_of(encoder, "text_model.encoder.layers", "layer_norm1.weight")}, {"pad_token_id", 1},
          {"projection_dim", projected ? projected : width}, {"vocab_size", axis_of(encoder, "text_model.embeddings.token_embedding.weight", 0)}};
}

ordered_json scheduler_json(const SchedulerFile& scheduler) {
  ordered_json object = {{"_class_name", std::get<std::string>(scheduler.at("_class_name"))}, {"_diffusers_version", diffusers_version}};
  for (const auto& [key, value] : scheduler) {
    if (const auto* number = std::get_if<double>(&value); number && *number == static_cast<double>(static_cast<int64_t>(*number)))
      object[key] = static_cast<int64_t>(*number);
    else
      std::visit([&, &key = key](const auto& content) { object[key] = content; }, value);
  }
  return object;
}

}  // namespace imagent
