// The table of names is made by walking the blocks that a file has. diffusers loaders/single_file_utils.py:
// convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint, convert_ldm_clip_checkpoint, convert_open_clip_checkpoint.
#include "weights/names_ldm.h"

#include <algorithm>
#include <optional>

#include "base/str.h"

namespace imagent {
namespace {

// The names of one part in one of the two namings, without a prefix. The walk below is the same for both.
struct Names {
  std::vector<std::string> sorted;
  bool original = true;  // false: diffusers'

  // Whether a tensor of this name, or any below it, exists.
  bool has(const std::string& module) const {
    const auto starts = [&](const std::string& wanted, bool whole) {
      const auto found = std::lower_bound(sorted.begin(), sorted.end(), wanted);
      return found != sorted.end() && (whole ? *found == wanted : found->starts_with(wanted));
    };
    return starts(module, true) || starts(module + ".", false);
  }
  bool has(const std::string& ldm, const std::string& ours) const { return has(original ? ldm : ours); }
};

// Modules (or whole tensors) by the naming at hand, with their name in the other one.
class Modules {
 public:
  explicit Modules(const Names& names) : original_(names.original) {}

  void add(const std::string& ldm, const std::string& ours) { modules_[original_ ? ldm : ours] = original_ ? ours : ldm; }
  // A name within some module.
  void add_inner(const std::string& ldm, const std::string& ours) { inner_[original_ ? ldm : ours] = original_ ? ours : ldm; }

  // The other name of a tensor: the innermost known module's, and the rest. Nothing: no module is known.
  std::optional<std::string> other(const std::string& name) const {
    for (size_t end = name.size(); end != std::string::npos && end > 0; end = name.rfind('.', end - 1))
      if (const auto found = modules_.find(name.substr(0, end)); found != modules_.end()) return found->second + other_inner(name.substr(end));
    return std::nullopt;
  }

 private:
  std::string other_inner(const std::string& rest) const {
    for (const auto& [from, to] : inner_)
      if (rest.starts_with(from)) return to + rest.substr(from.size());
    return rest;
  }

  bool original_;
  std::map<std::string, std::string> modules_, inner_;
};

// A row of the table for a tensor with both its names.
void add_row(TensorTable& table, const Names& names, const std::string& name, const std::string& other, Layout layout = Layout::same) {
  table[names.original ? other : name] = {names.original ? name : other, layout};
}

// The way down and the middle, which the ControlNet has too.
void add_encoder(Modules& m, const Names& names) {
  for (const auto& [ldm, ours] : {std::pair{"input_blocks.0.0", "conv_in"}, {"time_embed.0", "time_embedding.linear_1"}, {"time_embed.2", "time_embedding.linear_2"},
                                  {"time_embed.cond_proj", "time_embedding.cond_proj"}, {"label_emb.0.0", "add_embedding.linear_1"}, {"label_emb.0.2", "add_embedding.linear_2"}})
    m.add(ldm, ours);
  for (int n = 1, level = 0, resnet = 0;; ++n) {
    const std::string from = str("input_blocks.", n), to = str("down_blocks.", level);
    if (names.has(from + ".0.in_layers", str(to, ".resnets.", resnet))) {
      m.add(from + ".0", str(to, ".resnets.", resnet));
      m.add(from + ".1", str(to, ".attentions.", resnet++));
    } else if (names.has(from + ".0.op", to + ".downsamplers.0")) {
      m.add(from + ".0.op", to + ".downsamplers.0.conv");
      ++level, resnet = 0;
    } else {
      break;
    }
  }
  for (int n = 0, resnets = 0, attentions = 0;; ++n) {  // diffusers' names have no order: an attention follows each resnet but the last
    const std::string from = str("middle_block.", n), resnet = str("mid_block.resnets.", resnets), attention = str("mid_block.attentions.", attentions);
    if ((names.original || resnets > attentions) && names.has(from + ".norm", attention))
      m.add(from, attention), ++attentions;
    else if (names.has(from + ".in_layers", resnet))
      m.add(from, resnet), ++resnets;
    else
      break;
  }
  for (const auto& [ldm, ours] : {std::pair{".in_layers.0", ".norm1"}, {".in_layers.2", ".conv1"}, {".emb_layers.1", ".time_emb_proj"}, {".out_layers.0", ".norm2"},
                                  {".out_layers.3", ".conv2"}, {".skip_connection", ".conv_shortcut"}})
    m.add_inner(ldm, ours);
}

void add_decoder(Modules& m, const Names& names) {
  m.add("out.0", "conv_norm_out");
  m.add("out.2", "conv_out");
  for (int n = 0, level = 0, resnet = 0;; ++n) {
    const std::string from = str("output_blocks.", n), to = str("up_blocks.", level), attention = str(to, ".attentions.", resnet);
    if (!names.has(from + ".0.in_layers", str(to, ".resnets.", resnet))) break;
    m.add(from + ".0", str(to, ".resnets.", resnet++));
    const bool attends = names.has(from + ".1.norm", attention);
    if (attends) m.add(from + ".1", attention);
    // The original has the upsampler in the level's last block, behind the attention when there is one.
    const std::string upsampler = from + (attends ? ".2.conv" : ".1.conv");
    if (names.original ? !names.has(upsampler) : names.has(str(to, ".resnets.", resnet))) continue;
    m.add(upsampler, to + ".upsamplers.0.conv");
    ++level, resnet = 0;
  }
}

void add_controlnet(Modules& m, const Names& names) {
  m.add("middle_block_out.0", "controlnet_mid_block");
  for (int n = 0; names.has(str("zero_convs.", n), str("controlnet_down_blocks.", n)); ++n) m.add(str("zero_convs.", n, ".0"), str("controlnet_down_blocks.", n));
  int blocks = 0;  // the original counts the activations between them too
  for (; names.has(str("input_hint_block.", 2 * blocks + 4), str("controlnet_cond_embedding.blocks.", blocks)); ++blocks)
    m.add(str("input_hint_block.", 2 * blocks + 2), str("controlnet_cond_embedding.blocks.", blocks));
  m.add("input_hint_block.0", "controlnet_cond_embedding.conv_in");
  m.add(str("input_hint_block.", 2 * blocks + 2), "controlnet_cond_embedding.conv_out");
}

TensorTable table_of_modules(const Names& names, const Modules& modules) {
  TensorTable table;
  for (const std::string& name : names.sorted) add_row(table, names, name, modules.other(name).value_or(name));
  return table;
}

Modules unet_modules(const Names& names) {
  Modules m(names);
  add_encoder(m, names);
  add_decoder(m, names);
  return m;
}

TensorTable controlnet_table(const Names& names) {
  Modules m(names);
  add_encoder(m, names);
  add_controlnet(m, names);
  return table_of_modules(names, m);
}

TensorTable vae_table(const Names& names) {
  Modules m(names);
  m.add_inner(".nin_shortcut", ".conv_shortcut");
  for (const std::string side : {"encoder", "decoder"}) {
    const bool up = side == "decoder";
    const std::string levels = side + (up ? ".up." : ".down."), levels_to = side + (up ? ".up_blocks." : ".down_blocks.");
    int count = 0;
    while (names.has(str(levels, count), str(levels_to, count))) ++count;
    for (int level = 0; level < count; ++level) {
      // The original counts the decoder's levels from the picture inwards.
      const std::string from = str(levels, level), to = str(levels_to, up ? count - 1 - level : level);
      for (int n = 0; names.has(str(from, ".block.", n), str(to, ".resnets.", n)); ++n) m.add(str(from, ".block.", n), str(to, ".resnets.", n));
      m.add(from + (up ? ".upsample" : ".downsample"), to + (up ? ".upsamplers.0" : ".downsamplers.0"));
    }
    for (int n = 1; names.has(str(side, ".mid.block_", n), str(side, ".mid_block.resnets.", n - 1)); ++n)
      m.add(str(side, ".mid.block_", n), str(side, ".mid_block.resnets.", n - 1));
    for (const auto& [from, to] : {std::pair{"norm", "group_norm"}, {"q", "to_q"}, {"k", "to_k"}, {"v", "to_v"}, {"proj_out", "to_out.0"}})
      m.add(str(side, ".mid.attn_1.", from), str(side, ".mid_block.attentions.0.", to));
    m.add(side + ".norm_out", side + ".conv_norm_out");
  }
  TensorTable table;
  for (const std::string& name : names.sorted) {
    if (name.starts_with("loss.") || name.starts_with("model_ema.")) continue;
    const std::string other = m.other(name).value_or(name), &ldm = names.original ? name : other;
    const bool matrix = ldm.find(".attn_1.") != std::string::npos && ldm.ends_with(".weight") && !ldm.ends_with(".norm.weight");
    add_row(table, names, name, other, matrix ? Layout::kernel_1x1 : Layout::same);
  }
  return table;
}

constexpr const char* clip_modules[] = {"embeddings.", "encoder.", "final_layer_norm."};
constexpr int vit_h_blocks = 24;  // of SD 2's encoder as published; its diffusers folder has one less
constexpr const char* projections[] = {"q_proj.", "k_proj.", "v_proj."};

// transformers' own names; files of some programs lack the outer "text_model.". stable-diffusion.cpp has OpenCLIP's encoders
// under these names, too (`projected`: SDXL's second): its projection is OpenCLIP's, and q, k and v may be stacked.
TensorTable clip_table(const Names& names, bool projected) {
  TensorTable table;
  const std::string outer = "text_model.", last = str(outer, "encoder.layers.", vit_h_blocks - 1, ".");
  constexpr std::string_view in_proj = ".in_proj.";
  const bool ends_early = names.original && !projected && names.has(last.substr(0, last.size() - 1)) && !names.has(str(outer, "encoder.layers.", vit_h_blocks));
  for (const std::string& name : names.sorted) {
    const std::string own = name.starts_with(outer) ? name : outer + name, within = own.substr(outer.size());
    const bool known = std::any_of(std::begin(clip_modules), std::end(clip_modules), [&](const char* module) { return within.starts_with(module); });
    if (!known || name.ends_with(".position_ids") || (ends_early && own.starts_with(last))) continue;
    const size_t stacked = own.find(in_proj);
    if (stacked == std::string::npos) table[own] = {name};
    for (int part = 0; part < 3 && stacked != std::string::npos; ++part)
      table[own.substr(0, stacked + 1) + projections[part] + own.substr(stacked + in_proj.size())] = {name, Layout::third, part};
  }
  if (projected && names.has("text_model.text_projection")) table["text_projection.weight"] = {"text_model.text_projection", Layout::transposed};
  if (projected && names.has("text_projection.weight")) table["text_projection.weight"] = {"text_projection.weight"};
  return table;
}

// github.com/mlfoundations/open_clip. SD 2 reads the states before the last block, and its diffusers folder ends there.
TensorTable open_clip_table(const Names& names, bool ends_early) {
  Modules m(names);
  m.add("token_embedding", "text_model.embeddings.token_embedding");
  m.add("positional_embedding", "text_model.embeddings.position_embedding.weight");
  m.add("ln_final", "text_model.final_layer_norm");
  TensorTable table;
  int blocks = 0;
  while (names.has(str("transformer.resblocks.", blocks), str("text_model.encoder.layers.", blocks))) ++blocks;
  // Files made out of a diffusers folder have neither that block nor a projection.
  if (names.original && ends_early && (blocks == vit_h_blocks || names.has("text_projection"))) --blocks;
  for (int n = 0; n < blocks; ++n) {
    const std::string from = str("transformer.resblocks.", n), to = str("text_model.encoder.layers.", n);
    for (const auto& [a, b] : {std::pair{".ln_1", ".layer_norm1"}, {".ln_2", ".layer_norm2"}, {".mlp.c_fc", ".mlp.fc1"}, {".mlp.c_proj", ".mlp.fc2"},
                               {".attn.out_proj", ".self_attn.out_proj"}})
      m.add(from + a, to + b);
    for (const std::string kind : {"weight", "bias"}) {
      const std::string stacked = from + ".attn.in_proj_" + kind, attention = to + ".self_attn.";
      for (int part = 0; part < 3 && names.has(stacked, attention + projections[part] + kind); ++part)
        table[attention + projections[part] + kind] = {stacked, Layout::third, part};
    }
  }
  for (const std::string& name : names.sorted)
    if (const auto other = m.other(name)) add_row(table, names, name, *other);
  if (!ends_early && names.has("text_projection", "text_projection.weight")) table["text_projection.weight"] = {"text_projection", Layout::transposed};
  return table;
}

enum class Naming { unet, controlnet, vae, clip, clip_projected, open_clip, open_clip_early };

TensorTable table_of(const Names& names, Naming naming) {
  switch (naming) {
    case Naming::unet: return table_of_modules(names, unet_modules(names));
    case Naming::controlnet: return controlnet_table(names);
    case Naming::vae: return vae_table(names);
    case Naming::clip: return clip_table(names, false);
    case Naming::clip_projected: return clip_table(names, true);
    case Naming::open_clip: return open_clip_table(names, false);
    default: return open_clip_table(names, true);
  }
}

struct Place {
  const char *part, *prefix;
  Naming naming;
};

TensorTable table_below(const std::string& prefix, const Names& names, Naming naming) {
  TensorTable table = table_of(names, naming);
  for (auto& [name, stored] : table) stored.name = prefix + stored.name;
  return table;
}

}  // namespace

std::map<std::string, TensorTable> ldm_parts(const std::vector<std::string>& names) {
  const Names all{names, true};
  // Only the refiner and the base of SDXL look at the pooled text; SD 2 may lie under the refiner's name for its encoder.
  const bool pooled = all.has("model.diffusion_model.label_emb");
  const bool bare_control = all.has("zero_convs.0") && all.has("input_hint_block.0");
  const bool bare_vae = all.has("decoder.conv_in") && all.has("decoder.mid");
  const bool bare_unet = all.has("input_blocks.0.0") && all.has("output_blocks.0.0");
  const bool second = all.has("cond_stage_model.1");
  const bool refiner = pooled && !second && all.has("cond_stage_model.transformer.text_model.text_projection");
  const Place places[] = {
      {"unet", bare_unet ? "" : "model.diffusion_model.", Naming::unet},
      {"controlnet", bare_control ? "" : "control_model.", Naming::controlnet},
      {"vae", bare_vae ? "" : "first_stage_model.", Naming::vae},
      {refiner ? "text_encoder_2" : "text_encoder", "cond_stage_model.transformer.", refiner ? Naming::clip_projected : Naming::clip},
      {"text_encoder_2", "cond_stage_model.1.transformer.", Naming::clip_projected},
      {"text_encoder_2", "cond_stage_model.1.model.", Naming::open_clip},
      {"text_encoder", "text_encoders.clip_l.transformer.", Naming::clip},
      {"text_encoder_2", "text_encoders.clip_g.transformer.", Naming::clip_projected},
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
    TensorTable table = table_below(place.prefix, own, place.naming);
    if (!table.empty()) parts[place.part].merge(table);
  }
  return parts;
}

std::map<std::string, TensorTable> ldm_places(const std::map<std::string, PartNames>& parts) {
  const bool first = parts.contains("text_encoder"), second = parts.contains("text_encoder_2");
  std::map<std::string, TensorTable> places;
  for (const auto& [part, own] : parts) {
    const Names names{own.names, false};
    if (part == "unet") places[part] = table_below("model.diffusion_model.", names, Naming::unet);
    if (part == "controlnet") places[part] = table_below("control_model.", names, Naming::controlnet);
    if (part == "vae") places[part] = table_below("first_stage_model.", names, Naming::vae);
    if (part == "text_encoder_2") places[part] = table_below(first ? "conditioner.embedders.1.model." : "conditioner.embedders.0.model.", names, Naming::open_clip);
    if (part != "text_encoder") continue;
    if (second)
      places[part] = table_below("conditioner.embedders.0.transformer.", names, Naming::clip);
    else
      places[part] = own.open_clip ? table_below("cond_stage_model.model.", names, Naming::open_clip_early) : table_below("cond_stage_model.transformer.", names, Naming::clip);
  }
  return places;
}

std::map<std::string, std::string> ldm_unet_modules(const std::vector<std::string>& names) {
  const Modules modules = unet_modules({names, false});
  std::map<std::string, std::string> out;
  for (const std::string& name : names) {
    const std::string module = name.substr(0, name.rfind('.'));
    if (const auto original = modules.other(module)) out[module] = *original;
  }
  return out;
}

}  // namespace imagent
