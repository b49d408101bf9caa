// Names of single files against the lists of the real models (golden/manifests), in both directions.
#include "weights/names_ldm.h"

#include "base/error.h"
#include "support/golden.h"
#include "support/zero_source.h"
#include "weights/renamed.h"

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

TEST(LdmNames, ClipWithoutItsOuterName) {
  const auto parts = ldm_parts({"cond_stage_model.transformer.embeddings.position_ids", "cond_stage_model.transformer.final_layer_norm.bias",
                                "cond_stage_model.transformer.text_model.final_layer_norm.weight"});
  EXPECT_EQ(parts.at("text_encoder"), (TensorTable{{"text_model.final_layer_norm.bias", {"cond_stage_model.transformer.final_layer_norm.bias"}},
                                                   {"text_model.final_layer_norm.weight", {"cond_stage_model.transformer.text_model.final_layer_norm.weight"}}}));
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
