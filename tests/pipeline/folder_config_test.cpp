// Configurations made out of a single file's shapes, against the published ones of golden/manifests/configs.
#include "pipeline/folder_config.h"

#include "base/str.h"
#include "pipeline/part_config.h"
#include "support/zero_model.h"

namespace imagent::test {
namespace {

using nlohmann::json;

// What a library wrote about itself or its caller.
bool is_neutral(const std::string& key) { return key == "_diffusers_version" || key == "transformers_version" || key == "torch_dtype"; }

json published(const std::string& model, const std::string& file) { return read_json(golden("manifests/configs/" + model + "/" + file)); }

// Each key that both have says the same; what only the published one has is a default.
void expect_agreement(const json& ours, const json& theirs, const std::vector<std::string>& spared) {
  for (const auto& [key, value] : theirs.items()) {
    if (is_neutral(key) || std::find(spared.begin(), spared.end(), key) != spared.end()) continue;
    SCOPED_TRACE(key);
    if (ours.contains(key)) {
      EXPECT_TRUE(ours[key] == value || (value.is_null() && ours[key] == false)) << ours[key] << " and not " << value;
      continue;
    }
    const bool unset = value.is_null() || value == false || (value.is_array() && value.size() == 2 && !value[0].is_null());
    const bool default_value = key == "conv_in_kernel" || key == "conv_out_kernel" || key == "addition_embed_type_num_heads" || key == "resnet_out_scale_factor" ||
                               key == "resnet_time_scale_shift" || key == "time_embedding_type" || key == "interpolation_type" || key == "sample_max_value";
    EXPECT_TRUE(unset || default_value) << value;
  }
}

void expect_published(const FolderFiles& files, const std::string& model, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    const std::string file = part + (part == "scheduler" ? "/scheduler_config.json" : "/config.json");
    SCOPED_TRACE(file);
    std::vector<std::string> spared;
    if (part == "vae") spared = {"sample_size", "force_upcast"};                       // read by nobody; always safe
    if (part == "text_encoder" && model.starts_with("sd2")) spared = {"projection_dim"};  // of a layer that is not there
    expect_agreement(json::parse(files.at(file)), published(model, file), spared);
  }
  const std::vector<std::string> of_no_use = {"feature_extractor", "safety_checker", "requires_safety_checker", "add_watermarker"};
  std::vector<std::string> spared = of_no_use;
  if (model == "sdxl-refiner") spared.insert(spared.end(), {"text_encoder", "tokenizer"});  // [null, null] in both
  expect_agreement(json::parse(files.at("model_index.json")), published(model, "model_index.json"), spared);
}

TEST(FolderConfig, IsThePublishedOne) {
  struct Case {
    const char* manifest;
    const char* published;
    std::vector<std::string> parts;
  };
  const Case cases[] = {{"sd15", "sd15", {"unet", "vae", "text_encoder", "scheduler"}},
                        {"sd15-inpaint", "sd15-inpaint", {"unet", "vae", "text_encoder", "scheduler"}},
                        {"sd21", "sd21", {"unet", "vae", "text_encoder", "scheduler"}},
                        {"sdxl-base", "sdxl-base", {"unet", "vae", "text_encoder", "text_encoder_2", "scheduler"}},
                        {"sdxl-refiner", "sdxl-refiner", {"unet", "vae", "text_encoder_2", "scheduler"}}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.manifest);
    std::map<std::string, std::string> metadata;
    if (std::string(c.manifest) == "sd21") metadata["modelspec.prediction_type"] = "v";
    const ZeroModel model(single_file(c.manifest), metadata);
    const FolderFiles files = files_of_model(model, model.model_config(""));
    expect_published(files, c.published, c.parts);
    EXPECT_EQ(files.contains("tokenizer/vocab.json"), model.has("text_encoder"));
    EXPECT_EQ(files.contains("tokenizer_2/merges.txt"), model.has("text_encoder_2"));
  }
}

TEST(FolderConfig, UnevenBlocksAreRefused) {
  Shapes shapes = single_file("sdxl-base");
  std::erase_if(shapes, [](const auto& entry) { return entry.first.find("input_blocks.8.1.transformer_blocks.9.") != std::string::npos; });
  const ZeroModel model(shapes);
  try {
    files_of_model(model, model.model_config(""));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::unsupported);
    EXPECT_NE(error.text.find("--model-config"), std::string::npos);
  }
}

TEST(FolderConfig, PartsLeftOutAreNull) {
  const json index = json::parse(index_with_parts(files_of_folder(golden("models/sdxl")).at("model_index.json"), {"unet", "vae", "scheduler"}));
  EXPECT_EQ(index["text_encoder"], json::array({nullptr, nullptr}));
  EXPECT_EQ(index["unet"], json::array({"diffusers", "UNet2DConditionModel"}));
  EXPECT_EQ(index["_class_name"], "StableDiffusionXLPipeline");
}

}  // namespace
}  // namespace imagent::test
