// Names of single files against the lists of the real models (golden/manifests), in both directions.
#include "weights/names_ldm.h"

#include <set>
#include <sstream>

#include "base/error.h"
#include "base/str.h"
#include "support/zero_source.h"
#include "weights/format_cases.h"
#include "weights/renamed.h"
#include "weights/safetensors.h"

namespace imagent::test {
namespace {

// The folder's list of a part under the names that diffusers has now.
Shapes folder_shapes(const nlohmann::json& manifest, const std::string& part) {
  for (const auto& [file, list] : manifest["diffusers_folder"].items()) {
    if (!file.starts_with(part + "/") && !(part == "vae" || part == "controlnet")) continue;
    if (file.find('/') != std::string::npos && !file.starts_with(part + "/")) continue;
    Shapes shapes = shapes_of(list);
    shapes.erase("text_model.embeddings.position_ids");
    const auto source = std::make_shared<ZeroSource>(shapes);
    if (part != "vae") return shapes;
    return shapes_of(*renamed(source, {{".query.", ".to_q."}, {".key.", ".to_k."}, {".value.", ".to_v."}, {".proj_attn.", ".to_out.0."}}));
  }
  return {};
}

bool needed(const std::string& name) {
  for (const char* end : {".position_ids", ".logit_scale", "cond_stage_model.model.text_projection"})
    if (name.ends_with(end)) return false;
  return name.find("cond_stage_model.model.transformer.resblocks.23.") == std::string::npos;
}

struct ManifestCase {
  const char* name;
  std::vector<std::string> parts;
};

TEST(LdmNames, MapExactlyToTheFoldersNamesAndShapes) {
  const ManifestCase cases[] = {{"sd15", {"text_encoder", "unet", "vae"}},          {"sd15-inpaint", {"text_encoder", "unet", "vae"}},
                                {"sd21", {"text_encoder", "unet", "vae"}},          {"sdxl-base", {"text_encoder", "text_encoder_2", "unet", "vae"}},
                                {"sdxl-refiner", {"text_encoder_2", "unet", "vae"}}, {"controlnet-sd15", {"controlnet"}},
                                {"sdxl-vae", {"vae"}}};
  for (const ManifestCase& c : cases) {
    SCOPED_TRACE(c.name);
    const nlohmann::json manifest = read_json(golden(std::string("manifests/") + c.name + ".json"));
    const auto file = std::make_shared<ZeroSource>(shapes_of(manifest["single_file"]));
    const auto parts = ldm_parts(file->names());
    std::vector<std::string> found;
    std::map<std::string, int> uses;
    for (const auto& [part, table] : parts) {
      SCOPED_TRACE(part);
      found.push_back(part);
      EXPECT_EQ(shapes_of(*rearranged(file, table)), folder_shapes(manifest, part));
      for (const auto& [name, stored] : table) uses[stored.name] += stored.layout == Layout::third ? 1 : 3;
    }
    EXPECT_EQ(found, c.parts);
    for (const std::string& name : file->names()) EXPECT_EQ(uses[name], needed(name) ? 3 : 0) << name;
  }
}

PartNames part_names(const std::string& part, const std::vector<std::string>& names, bool open_clip) {
  return {names, open_clip && part.starts_with("text_encoder")};
}

// From the folder's names alone: the same tables as from the file's.
TEST(LdmNames, AreFoundFromTheFoldersNames) {
  for (const char* model : {"sd15", "sd15-inpaint", "sd21", "sdxl-base", "sdxl-refiner", "controlnet-sd15"}) {
    SCOPED_TRACE(model);
    const nlohmann::json manifest = read_json(golden(std::string("manifests/") + model + ".json"));
    const auto want = ldm_parts(ZeroSource(shapes_of(manifest["single_file"])).names());
    std::map<std::string, PartNames> parts;
    for (const auto& [part, table] : want) parts[part] = part_names(part, ZeroSource(folder_shapes(manifest, part)).names(), std::string(model) == "sd21");
    EXPECT_EQ(ldm_places(parts), want);
  }
}

// The file made of the folder's tensors has the single file's names and shapes, but for what no part needs.
TEST(LdmNames, AssembledPartsAreTheSingleFile) {
  for (const auto& [model, open_clip] : {std::pair{"sd15", false}, {"sd21", true}, {"sdxl-base", true}, {"sdxl-refiner", true}}) {
    SCOPED_TRACE(model);
    const nlohmann::json manifest = read_json(golden(std::string("manifests/") + model + ".json"));
    std::map<std::string, PartNames> names;
    std::map<std::string, std::shared_ptr<const Source>> sources;
    for (const char* part : {"unet", "vae", "text_encoder", "text_encoder_2"}) {
      const Shapes shapes = folder_shapes(manifest, part);
      if (shapes.empty()) continue;
      sources[part] = std::make_shared<ZeroSource>(shapes);
      names[part] = part_names(part, sources[part]->names(), open_clip);
    }
    Shapes want = shapes_of(manifest["single_file"]);
    std::erase_if(want, [](const auto& entry) { return !needed(entry.first); });
    EXPECT_EQ(shapes_of(*assembled(sources, ldm_places(names))), want);
  }
}

// Toy models of every layout: as a file, and back.
TEST(LdmNames, ThereAndBack) {
  for (const char* model : {"sd15", "sd15-inpaint", "sd15-pix2pix", "sd15-lcm", "sd15-tiny", "sd21", "sdxl", "sdxl-refiner", "sdxl-turbo"}) {
    SCOPED_TRACE(model);
    std::map<std::string, PartNames> names;
    for (const char* part : {"unet", "vae", "text_encoder", "text_encoder_2"}) {
      const auto folder = golden(str("models/", model, "/", part));
      if (!std::filesystem::exists(folder)) continue;
      const auto source = open_safetensors(folder / (std::string(part).starts_with("text") ? "model.safetensors" : "diffusion_pytorch_model.safetensors"));
      names[part] = part_names(part, renamed(source, {{".query.", ".to_q."}, {".key.", ".to_k."}, {".value.", ".to_v."}, {".proj_attn.", ".to_out.0."}})->names(), std::string(model) == "sd21");
    }
    const auto places = ldm_places(names);
    std::set<std::string> file;
    for (const auto& [part, table] : places)
      for (const auto& [name, stored] : table) file.insert(stored.name);
    EXPECT_EQ(ldm_parts({file.begin(), file.end()}), places);
    for (const auto& [part, own] : names)
      for (const std::string& name : own.names) EXPECT_TRUE(places.at(part).contains(name) || name.ends_with("position_ids")) << name;
  }
}

// formats/ldm: the published names of the toy models.
TEST(LdmNames, FollowTheMapOfToyNames) {
  std::istringstream lines(read_text(golden("formats/ldm/key_map_sd15_toy.tsv")));
  std::map<std::string, PartNames> parts;
  std::map<std::string, std::map<std::string, std::string>> want;
  std::string line;
  std::getline(lines, line);  // headings
  while (std::getline(lines, line)) {
    const auto columns = split(line, '\t');
    if (columns[1] != "ignore" && !columns[3].ends_with("position_ids")) want[std::string(columns[2])][std::string(columns[3])] = columns[0];
  }
  for (const auto& [part, names] : want)
    for (const auto& [ours, ldm] : names) parts[part].names.push_back(ours);
  const auto places = ldm_places(parts);
  ASSERT_EQ(places.size(), want.size());
  for (const auto& [part, table] : places)
    for (const auto& [name, stored] : table) EXPECT_EQ(stored.name, want[part][name]) << name;
}

TEST(LdmNames, LeaveOutWhatNoPartNeeds) {
  const nlohmann::json manifest = read_json(golden("manifests/sd15.json"));
  Shapes shapes = shapes_of(manifest["single_file"]);
  const auto clean = ldm_parts(ZeroSource(shapes).names());
  for (const char* name : {"betas", "alphas_cumprod", "sqrt_alphas_cumprod", "posterior_variance", "model_ema.decay", "model_ema.num_updates", "denoiser.sigmas",
                           "model_ema.diffusion_modeltime_embed0bias", "first_stage_model.loss.logvar", "first_stage_model.loss.discriminator.main.0.weight",
                           "first_stage_model.model_ema.decay", "cond_stage_model.transformer.vision_model.embeddings.class_embedding",
                           "cond_stage_model.logit_scale", "v_pred", "ztsnr"})
    shapes[name] = {1};
  EXPECT_EQ(ldm_parts(ZeroSource(shapes).names()), clean);
  shapes["model.diffusion_model.surprise.weight"] = {1};
  EXPECT_EQ(ldm_parts(ZeroSource(shapes).names()).at("unet").at("surprise.weight").name, "model.diffusion_model.surprise.weight");
}

// Some files of ControlNets were saved without the prefix.
TEST(LdmNames, ControlNetWithoutPrefix) {
  const Shapes shapes = shapes_of(read_json(golden("manifests/controlnet-sd15.json"))["single_file"]);
  Shapes bare;
  for (const auto& [name, shape] : shapes) bare[name.substr(std::string("control_model.").size())] = shape;
  const auto bare_parts = ldm_parts(ZeroSource(bare).names());
  ASSERT_EQ(bare_parts.size(), 1u);
  EXPECT_EQ(shapes_of(*rearranged(std::make_shared<ZeroSource>(bare), bare_parts.at("controlnet"))),
            shapes_of(*rearranged(std::make_shared<ZeroSource>(shapes), ldm_parts(ZeroSource(shapes).names()).at("controlnet"))));
}

// Stability's newer code puts SD 2's encoder where the refiner has its own.
TEST(LdmNames, Sd2UnderTheRefinersName) {
  const nlohmann::json manifest = read_json(golden("manifests/sd21.json"));
  Shapes shapes;
  for (const auto& [name, shape] : shapes_of(manifest["single_file"])) {
    const std::string old = "cond_stage_model.";
    shapes[name.starts_with(old) ? "conditioner.embedders.0." + name.substr(old.size()) : name] = shape;
  }
  const auto file = std::make_shared<ZeroSource>(shapes);
  const auto parts = ldm_parts(file->names());
  EXPECT_FALSE(parts.contains("text_encoder_2"));
  EXPECT_EQ(shapes_of(*rearranged(file, parts.at("text_encoder"))), folder_shapes(manifest, "text_encoder"));
}

// stable-diffusion.cpp's names for the tensors of a file in the original naming: transformers' for OpenCLIP's encoders.
Shapes names_of_sd_cpp(const Shapes& original, bool stacked) {
  const std::pair<std::string, std::string> replacements[] = {
      {"conditioner.embedders.0.", "cond_stage_model."}, {"conditioner.embedders.1.", "cond_stage_model.1."},
      {"model.transformer.resblocks.", "transformer.text_model.encoder.layers."}, {".ln_1.", ".layer_norm1."}, {".ln_2.", ".layer_norm2."},
      {".mlp.c_fc.", ".mlp.fc1."}, {".mlp.c_proj.", ".mlp.fc2."}, {".attn.out_proj.", ".self_attn.out_proj."},
      {"model.ln_final.", "transformer.text_model.final_layer_norm."}, {"model.token_embedding.", "transformer.text_model.embeddings.token_embedding."},
      {"model.positional_embedding", "transformer.text_model.embeddings.position_embedding.weight"},
      {"model.text_projection", "transformer.text_model.text_projection"}, {".attn.in_proj_", ".self_attn.in_proj."}};
  Shapes out;
  for (const auto& [ldm_name, ldm_shape] : original) {
    std::string name = ldm_name;
    std::vector<int64_t> shape = ldm_shape;
    if (name.starts_with("cond"))
      for (const auto& [from, to] : replacements)
        if (const size_t at = name.find(from); at != std::string::npos) name.replace(at, from.size(), to);
    const size_t projections = name.find(".in_proj.");
    if (projections == std::string::npos || stacked) {
      out[name] = shape;
      continue;
    }
    shape[0] /= 3;
    for (const char* projection : {".q_proj.", ".k_proj.", ".v_proj."}) out[name.substr(0, projections) + projection + name.substr(projections + 9)] = shape;
  }
  return out;
}

TEST(LdmNames, OfStableDiffusionCpp) {
  for (const char* model : {"sd15", "sd21", "sdxl-base", "sdxl-refiner"})
    for (const bool stacked : {false, true}) {
      const nlohmann::json manifest = read_json(golden(str("manifests/", model, ".json")));
      const auto file = std::make_shared<ZeroSource>(names_of_sd_cpp(shapes_of(manifest["single_file"]), stacked));
      std::vector<std::string> found, wanted;
      for (const auto& [part, table] : ldm_parts(file->names())) {
        SCOPED_TRACE(str(model, " ", part));
        found.push_back(part);
        EXPECT_EQ(shapes_of(*rearranged(file, table)), folder_shapes(manifest, part));
      }
      for (const auto& [part, table] : ldm_parts(ZeroSource(shapes_of(manifest["single_file"])).names())) wanted.push_back(part);
      EXPECT_EQ(found, wanted) << model;
    }
}

TEST(LdmNames, AUNetWithoutItsPrefix) {
  const std::string prefix = "model.diffusion_model.";
  Shapes all = shapes_of(read_json(golden("manifests/sd15.json"))["single_file"]), bare;
  TensorTable want = ldm_parts(ZeroSource(all).names()).at("unet");
  for (auto& [name, stored] : want) stored.name = stored.name.substr(prefix.size());
  for (const auto& [name, shape] : all)
    if (name.starts_with(prefix)) bare[name.substr(prefix.size())] = shape;
  const auto parts = ldm_parts(ZeroSource(bare).names());
  EXPECT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts.at("unet"), want);
}

TEST(LdmNames, ClipWithoutItsOuterName) {
  const auto parts = ldm_parts({"cond_stage_model.transformer.embeddings.position_ids", "cond_stage_model.transformer.final_layer_norm.bias",
                                "cond_stage_model.transformer.text_model.final_layer_norm.weight"});
  EXPECT_EQ(parts.at("text_encoder"), (TensorTable{{"text_model.final_layer_norm.bias", {"cond_stage_model.transformer.final_layer_norm.bias"}},
                                                   {"text_model.final_layer_norm.weight", {"cond_stage_model.transformer.text_model.final_layer_norm.weight"}}}));
}

TEST(Assembled, IsTheInverseOfRearranged) {
  const auto file = open_safetensors(golden("formats/ldm/sd21_single.safetensors"));
  const auto tables = ldm_parts(file->names());
  std::map<std::string, std::shared_ptr<const Source>> parts;
  for (const auto& [part, table] : tables) parts[part] = rearranged(file, table);
  const auto again = assembled(parts, tables);
  size_t stacked = 0;
  for (const std::string& name : again->names()) {
    expect_same(*again->find(name), *file->find(name));
    stacked += name.find("in_proj") != std::string::npos;
  }
  EXPECT_GE(stacked, 4u);
  EXPECT_FALSE(again->find("betas"));
  const auto turned = std::make_shared<ZeroSource>(Shapes{{"p", {3, 5}}});
  EXPECT_EQ(assembled({{"x", turned}}, {{"x", {{"p", {"q", Layout::transposed}}}}})->find("q")->shape, (Shape{5, 3}));
}

TEST(Assembled, UnequalThirdsAreErrors) {
  const auto part = std::make_shared<ZeroSource>(Shapes{{"q", {4, 2}}, {"k", {4, 2}}, {"v", {4, 3}}, {"cube", {2, 2, 2}}});
  const TensorTable table = {{"q", {"all", Layout::third, 0}}, {"k", {"all", Layout::third, 1}}, {"v", {"all", Layout::third, 2}}};
  EXPECT_THROW(assembled({{"x", part}}, {{"x", table}})->find("all"), Error);
  EXPECT_THROW(assembled({{"x", part}}, {{"x", {{"q", {"all", Layout::third, 0}}}}})->find("all"), Error);
  EXPECT_THROW(assembled({{"x", part}}, {{"x", {{"cube", {"c", Layout::kernel_1x1}}}}})->find("c"), Error);
}

TEST(Rearranged, WrongAxesAreErrors) {
  const auto file = std::make_shared<ZeroSource>(Shapes{{"a", {4, 2}}, {"b", {3, 3, 3, 3}}, {"c", {5}}});
  EXPECT_THROW(rearranged(file, {{"x", {"c", Layout::transposed}}}), Error);
  EXPECT_THROW(rearranged(file, {{"x", {"a", Layout::third}}})->find("x"), Error);
  EXPECT_THROW(rearranged(file, {{"x", {"b", Layout::kernel_1x1}}})->find("x"), Error);
  EXPECT_FALSE(rearranged(file, {{"x", {"no such tensor"}}})->find("x"));
  EXPECT_EQ(rearranged(file, {{"x", {"a", Layout::transposed}}})->find("x")->shape, (Shape{2, 4}));
}

}  // namespace
}  // namespace imagent::test
