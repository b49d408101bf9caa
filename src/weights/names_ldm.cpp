// The table of names is made by walking the blocks that a file has. diffusers loaders/single_file_utils.py:
// convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint, convert_ldm_clip_checkpoint, convert_open_clip_checkpoint.
#include "weights/names_ldm.h"

#include <algorithm>
#include <optional>

#include "base/str.h"

namespace imagent {
namespace {

// The names of one part, without its prefix.
struct Names {
  std::vector<std::string> sorted;

  // Whether a tensor of this name, or any below it, exists.
  bool has(const std::string& module) const {
    const auto starts = [&](const std::string& wanted, bool whole) {
      const auto found = std::lower_bound(sorted.begin(), sorted.end(), wanted);
      return found != sorted.end() && (whole ? *found == wanted : found->starts_with(wanted));
    };
    return starts(module, true) || starts(module + ".", false);
  }
};

using Modules = std::map<std::string, std::string>;  // original module (or whole tensor name) -> diffusers' module

// What a tensor's module is called, the innermost known one, and the rest of its name. Nothing: no module is known.
struct Renamed {
  std::string module, rest;
};
std::optional<Renamed> rename(const Modules& modules, const std::string& name) {
  for (size_t end = name.size(); end != std::string::npos && end > 0; end = name.rfind('.', end - 1))
    if (const auto found = modules.find(name.substr(0, end)); found != modules.end()) return Renamed{found->second, name.substr(end)};
  return std::nullopt;
}

std::string replaced(const std::map<std::string, std::string>& table, const std::string& rest) {
  for (const auto& [from, to] : table)
    if (rest.starts_with(from)) return to + rest.substr(from.size());
  return rest;
}

// What lies outside the blocks of a UNet.
Modules outer_modules() {
  return {{"input_blocks.0.0", "conv_in"}, {"time_embed.0", "time_embedding.linear_1"}, {"time_embed.2", "time_embedding.linear_2"},
          {"time_embed.cond_proj", "time_embedding.cond_proj"}, {"label_emb.0.0", "add_embedding.linear_1"}, {"label_emb.0.2", "add_embedding.linear_2"},
          {"out.0", "conv_norm_out"}, {"out.2", "conv_out"}};
}

// The way down and the middle, which the ControlNet has too.
Modules encoder_modules(const Names& names) {
  Modules m = outer_modules();
  int level = 0, resnet = 0;
  for (int n = 1; names.has(str("input_blocks.", n)); ++n) {
    const std::string from = str("input_blocks.", n), to = str("down_blocks.", level);
    if (names.has(from + ".0.op")) {
      m[from + ".0.op"] = to + ".downsamplers.0.conv";
      ++level, resnet = 0;
    } else {
      m[from + ".0"] = str(to, ".resnets.", resnet);
      m[from + ".1"] = str(to, ".attentions.", resnet++);
    }
  }
  int resnets = 0, attentions = 0;
  for (int n = 0; names.has(str("middle_block.", n)); ++n) {
    const std::string from = str("middle_block.", n);
    m[from] = names.has(from + ".in_layers") ? str("mid_block.resnets.", resnets++) : str("mid_block.attentions.", attentions++);
  }
  return m;
}

Modules unet_modules(const Names& names) {
  Modules m = encoder_modules(names);
  int level = 0, resnet = 0;
  for (int n = 0; names.has(str("output_blocks.", n)); ++n) {
    const std::string from = str("output_blocks.", n), to = str("up_blocks.", level);
    m[from + ".0"] = str(to, ".resnets.", resnet);
    m[from + ".1"] = str(to, ".attentions.", resnet++);
    for (const char* place : {".1.conv", ".2.conv"}) {  // behind the attention, when there is one
      if (!names.has(from + place)) continue;
      m[from + place] = to + ".upsamplers.0.conv";
      ++level, resnet = 0;
    }
  }
  return m;
}

Modules controlnet_modules(const Names& names) {
  Modules m = encoder_modules(names);
  m["middle_block_out.0"] = "controlnet_mid_block";
  for (int n = 0; names.has(str("zero_convs.", n)); ++n) m[str("zero_convs.", n, ".0")] = str("controlnet_down_blocks.", n);
  int last = 0;  // convolutions with an activation between each two
  while (names.has(str("input_hint_block.", last + 2))) last += 2;
  for (int n = 2; n < last; n += 2) m[str("input_hint_block.", n)] = str("controlnet_cond_embedding.blocks.", n / 2 - 1);
  m["input_hint_block.0"] = "controlnet_cond_embedding.conv_in";
  m[str("input_hint_block.", last)] = "controlnet_cond_embedding.conv_out";
  return m;
}

const std::map<std::string, std::string>& resnet_names() {
  static const std::map<std::string, std::string> names = {{".in_layers.0", ".norm1"}, {".in_layers.2", ".conv1"}, {".emb_layers.1", ".time_emb_proj"},
                                                           {".out_layers.0", ".norm2"}, {".out_layers.3", ".conv2"}, {".skip_connection", ".conv_shortcut"}};
  return names;
}

TensorTable unet_table(const Names& names, const Modules& modules) {
  TensorTable table;
  for (const std::string& name : names.sorted) {
    const auto known = rename(modules, name);
    table[known ? known->module + replaced(resnet_names(), known->rest) : name] = {name};
  }
  return table;
}

TensorTable vae_table(const Names& names) {
  Modules m;
  for (const std::string side : {"encoder", "decoder"}) {
    const bool up = side == "decoder";
    const std::string levels = side + (up ? ".up." : ".down.");
    int count = 0;
    while (names.has(levels + std::to_string(count))) ++count;
    for (int level = 0; level < count; ++level) {
      // The original counts the decoder's levels from the picture inwards.
      const std::string from = levels + std::to_string(level), to = str(side, up ? ".up_blocks." : ".down_blocks.", up ? count - 1 - level : level);
      for (int n = 0; names.has(str(from, ".block.", n)); ++n) m[str(from, ".block.", n)] = str(to, ".resnets.", n);
      m[from + (up ? ".upsample" : ".downsample")] = to + (up ? ".upsamplers.0" : ".downsamplers.0");
    }
    for (int n = 1; names.has(str(side, ".mid.block_", n)); ++n) m[str(side, ".mid.block_", n)] = str(side, ".mid_block.resnets.", n - 1);
    for (const auto& [from, to] : {std::pair{"norm", "group_norm"}, {"q", "to_q"}, {"k", "to_k"}, {"v", "to_v"}, {"proj_out", "to_out.0"}})
      m[str(side, ".mid.attn_1.", from)] = str(side, ".mid_block.attentions.0.", to);
    m[side + ".norm_out"] = side + ".conv_norm_out";
  }
  TensorTable table;
  for (const std::string& name : names.sorted) {
    if (name.starts_with("loss.") || name.starts_with("model_ema.")) continue;
    const auto known = rename(m, name);
    const bool matrix = name.find(".attn_1.") != std::string::npos && name.ends_with(".weight") && !name.ends_with(".norm.weight");
    table[known ? known->module + replaced({{".nin_shortcut", ".conv_shortcut"}}, known->rest) : name] = {name, matrix ? Layout::kernel_1x1 : Layout::same};
  }
  return table;
}

// transformers' own names; files of some programs lack the outer "text_model.".
TensorTable clip_table(const Names& names) {
  TensorTable table;
  for (const std::string& name : names.sorted)
    for (const char* module : {"embeddings.", "encoder.", "final_layer_norm."}) {
      if (name.ends_with(".position_ids")) continue;
      if (name.starts_with(module)) table["text_model." + name] = {name};
      if (name.starts_with(str("text_model.", module))) table[name] = {name};
    }
  return table;
}

// github.com/mlfoundations/open_clip. SD 2 reads the states before the last block, and its diffusers folder ends there.
TensorTable open_clip_table(const Names& names, bool ends_early) {
  Modules m = {{"token_embedding", "text_model.embeddings.token_embedding"}, {"positional_embedding", "text_model.embeddings.position_embedding.weight"},
               {"ln_final", "text_model.final_layer_norm"}};
  TensorTable table;
  int blocks = 0;
  while (names.has(str("transformer.resblocks.", blocks))) ++blocks;
  constexpr int vit_h_blocks = 24;
  // Files made out of a diffusers folder have neither that block nor a projection.
  if (ends_early && (blocks == vit_h_blocks || names.has("text_projection"))) --blocks;
  for (int n = 0; n < blocks; ++n) {
    const std::string from = str("transformer.resblocks.", n), to = str("text_model.encoder.layers.", n);
    for (const auto& [a, b] : {std::pair{".ln_1", ".layer_norm1"}, {".ln_2", ".layer_norm2"}, {".mlp.c_fc", ".mlp.fc1"}, {".mlp.c_proj", ".mlp.fc2"},
                               {".attn.out_proj", ".self_attn.out_proj"}})
      m[from + a] = to + b;
    for (const std::string kind : {"weight", "bias"}) {
      const std::string stacked = from + ".attn.in_proj_" + kind;
      constexpr const char* projections[] = {"q_proj", "k_proj", "v_proj"};
      for (int part = 0; part < 3 && names.has(stacked); ++part) table[str(to, ".self_attn.", projections[part], ".", kind)] = {stacked, Layout::third, part};
    }
  }
  for (const std::string& name : names.sorted)
    if (const auto known = rename(m, name)) table[known->module + known->rest] = {name};
  if (!ends_early && names.has("text_projection")) table["text_projection.weight"] = {"text_projection", Layout::transposed};
  return table;
}

// Original blocks of a UNet as diffusers names it -> diffusers' modules: the same walk from the other side.
Modules blocks_of_unet(const Names& names) {
  Modules m = outer_modules();
  int block = 1;
  for (int level = 0; names.has(str("down_blocks.", level)); ++level) {
    const std::string to = str("down_blocks.", level);
    for (int n = 0; names.has(str(to, ".resnets.", n)); ++n, ++block) {
      m[str("input_blocks.", block, ".0")] = str(to, ".resnets.", n);
      m[str("input_blocks.", block, ".1")] = str(to, ".attentions.", n);
    }
    if (names.has(to + ".downsamplers")) m[str("input_blocks.", block++, ".0.op")] = to + ".downsamplers.0.conv";
  }
  block = 0;
  for (int n = 0; names.has(str("mid_block.resnets.", n)); ++n) {
    m[str("middle_block.", block++)] = str("mid_block.resnets.", n);
    if (names.has(str("mid_block.attentions.", n))) m[str("middle_block.", block++)] = str("mid_block.attentions.", n);
  }
  block = 0;
  for (int level = 0; names.has(str("up_blocks.", level)); ++level) {
    const std::string to = str("up_blocks.", level);
    for (int n = 0; names.has(str(to, ".resnets.", n)); ++n, ++block) {
      m[str("output_blocks.", block, ".0")] = str(to, ".resnets.", n);
      m[str("output_blocks.", block, ".1")] = str(to, ".attentions.", n);
    }
    const bool attends = names.has(to + ".attentions");
    if (names.has(to + ".upsamplers")) m[str("output_blocks.", block - 1, attends ? ".2.conv" : ".1.conv")] = to + ".upsamplers.0.conv";
  }
  return m;
}

enum class Naming { unet, controlnet, vae, clip, open_clip, open_clip_early };

TensorTable table_of(const Names& names, Naming naming) {
  switch (naming) {
    case Naming::unet: return unet_table(names, unet_modules(names));
    case Naming::controlnet: return unet_table(names, controlnet_modules(names));
    case Naming::vae: return vae_table(names);
    case Naming::clip: return clip_table(names);
    case Naming::open_clip: return open_clip_table(names, false);
    default: return open_clip_table(names, true);
  }
}

struct Place {
  const char *part, *prefix;
  Naming naming;
};

}  // namespace

std::map<std::string, TensorTable> ldm_parts(const std::vector<std::string>& names) {
  const Names all{names};
  // Only the refiner and the base of SDXL look at the pooled text; SD 2 may lie under the refiner's name for its encoder.
  const bool pooled = all.has("model.diffusion_model.label_emb");
  const bool bare_vae = all.has("decoder.conv_in") && all.has("decoder.mid");
  const Place places[] = {
      {"unet", "model.diffusion_model.", Naming::unet},
      {"controlnet", "control_model.", Naming::controlnet},
      {"vae", bare_vae ? "" : "first_stage_model.", Naming::vae},
      {"text_encoder", "cond_stage_model.transformer.", Naming::clip},
      {"text_encoder", "cond_stage_model.model.", Naming::open_clip_early},
      {"text_encoder", "conditioner.embedders.0.transformer.", Naming::clip},
      {"text_encoder_2", "conditioner.embedders.1.model.", Naming::open_clip},
      {pooled ? "text_encoder_2" : "text_encoder", "conditioner.embedders.0.model.", pooled ? Naming::open_clip : Naming::open_clip_early},
  };
  std::map<std::string, TensorTable> parts;
  for (const Place& place : places) {
    const std::string prefix = place.prefix;
    Names own;
    for (auto name = std::lower_bound(names.begin(), names.end(), prefix); name != names.end() && name->starts_with(prefix); ++name)
      own.sorted.push_back(name->substr(prefix.size()));
    TensorTable table = table_of(own, place.naming);
    for (auto& [name, stored] : table) stored.name = prefix + stored.name;
    if (!table.empty()) parts[place.part].merge(table);
  }
  return parts;
}

std::map<std::string, std::string> ldm_unet_modules(const std::vector<std::string>& names) {
  std::map<std::string, std::string> blocks, parts, out;
  for (const auto& [original, own] : blocks_of_unet({names})) blocks[own] = original;
  for (const auto& [original, own] : resnet_names()) parts[own] = original;
  for (const std::string& name : names) {
    const std::string module = name.substr(0, name.rfind('.'));
    if (const auto known = rename(blocks, module)) out[module] = known->module + replaced(parts, known->rest);
  }
  return out;
}

}  // namespace imagent
