// Toy models as single files (golden/formats/ldm) draw the picture of their folders, bit by bit.
#include "pipeline/single_file.h"

#include <unistd.h>

#include <sstream>

#include "pipeline/cpu_engine.h"
#include "pipeline/loaded_model.h"
#include "support/devices.h"
#include "support/write_safetensors.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

Request request_for(const fs::path& model) {
  Request r;
  r.prompt = "a red house by the sea";
  r.negative = "blurry";
  r.model = model.string();
  r.steps = 3;
  r.guidance_scale = 5;
  r.seed = 7;
  r.width = r.height = 64;
  r.dtype = DType::f32;
  return r;
}

struct TemporaryFile {
  fs::path path = fs::temp_directory_path() / str("imagent_single_", ::getpid(), ".safetensors");
  ~TemporaryFile() { fs::remove(path); }
};

// sd15 as a single file, out of its folder with the published table of names.
void write_sd15_single(const fs::path& path) {
  const ModelFolder folder(golden("models/sd15"));
  std::map<std::string, std::shared_ptr<const Source>> parts;
  for (const char* part : {"unet", "vae", "text_encoder"}) parts[part] = folder.weights(part, false);
  std::map<std::string, TensorView> tensors;
  std::istringstream table(read_text(golden("formats/ldm/key_map_sd15_toy.tsv")));
  std::string line;
  std::getline(table, line);  // headings
  while (std::getline(table, line)) {
    const auto columns = split(line, '\t');
    if (columns[1] == "ignore") continue;
    auto view = parts.at(std::string(columns[2]))->find(std::string(columns[3]));
    ASSERT_TRUE(view) << line;
    if (columns[1] == "conv1x1") view->shape = Shape{view->shape[0], view->shape[1], 1, 1};
    tensors[std::string(columns[0])] = *view;
  }
  write_safetensors(path, tensors);
}

void expect_same_picture(const fs::path& single, const std::string& folder) {
  Request of_folder = request_for(golden("models/" + folder)), of_file = request_for(single);
  of_file.model_config = of_folder.model;
  const Run a = engine().generate(of_folder), b = engine().generate(of_file);
  EXPECT_EQ(a.results[0].latents, b.results[0].latents);
  EXPECT_EQ(a.results[0].image, b.results[0].image);
  EXPECT_EQ(a.sampler, b.sampler);
}

TEST(SingleFile, DrawsThePictureOfItsFolder) {
  const TemporaryFile sd15;
  write_sd15_single(sd15.path);
  expect_same_picture(sd15.path, "sd15");
  expect_same_picture(golden("formats/ldm/sd21_single.safetensors"), "sd21");
  expect_same_picture(golden("formats/ldm/sdxl-turbo_single.safetensors"), "sdxl-turbo");
}

std::vector<float> values_of(const std::optional<TensorView>& view) { return view ? to_f32(*view) : std::vector<float>(); }

TEST(SingleFile, HoldsTheTensorsOfItsFolder) {
  for (const std::string model : {"sd21", "sdxl-turbo"}) {
    const ModelFolder folder(golden("models/" + model));
    const SingleFile file(golden("formats/ldm/" + model + "_single.safetensors"), {});
    for (const std::string part : {"unet", "vae", "text_encoder", "text_encoder_2"}) {
      SCOPED_TRACE(model + " " + part);
      ASSERT_EQ(file.has(part), folder.has(part));
      if (!file.has(part)) continue;
      const auto ours = file.weights(part, false), theirs = folder.weights(part, false);
      std::vector<std::string> names;
      for (const std::string& name : theirs->names())
        if (!name.ends_with("position_ids")) names.push_back(name);
      ASSERT_EQ(ours->names(), names);
      for (const std::string& name : names) {
        EXPECT_EQ(ours->find(name)->shape, theirs->find(name)->shape) << name;
        EXPECT_EQ(values_of(ours->find(name)), values_of(theirs->find(name))) << name;
      }
    }
  }
}

TEST(SingleFile, PredictionCanBeOverridden) {
  Request r = request_for(golden("formats/ldm/sd21_single.safetensors"));
  r.model_config = golden("models/sd21").string();
  const auto as_told = engine().generate(r);
  r.prediction = "v_prediction";
  EXPECT_EQ(engine().generate(r).results[0].image, as_told.results[0].image);
  r.prediction = "epsilon";
  EXPECT_NE(engine().generate(r).results[0].image, as_told.results[0].image);
  r.prediction = "nonsense";
  EXPECT_THROW(engine().generate(r), Error);
}

// A source that cannot say what it predicts.
class Undecided : public ModelFolder {
 public:
  using ModelFolder::ModelFolder;
  ModelConfig model_config(const std::string& prediction) const override {
    ModelConfig config = ModelFolder::model_config(prediction);
    config.prediction_known = !prediction.empty();
    return config;
  }
};

// The built-in model is a trained one: its answer means something.
TEST(SingleFile, TheUNetTellsWhatItPredicts) {
  const auto demo = std::make_shared<Undecided>(source_dir() / "models/demo");
  LoadedModel model(demo, backend("cpu"), DType::f32);
  EXPECT_FALSE(model.prediction_known());
  model.find_prediction();
  EXPECT_TRUE(model.prediction_known());
  EXPECT_EQ(model.scheduler(), demo->model_config("v_prediction").scheduler);
}

TEST(SingleFile, ErrorsAreSentences) {
  const auto expect_error = [](Request r, const std::string& part) {
    try {
      engine().generate(r);
      ADD_FAILURE() << "no error, expected: " << part;
    } catch (const Error& e) {
      EXPECT_NE(e.text.find(part), std::string::npos) << e.text;
    }
  };
  Request toy = request_for(golden("formats/ldm/sd21_single.safetensors"));
  expect_error(toy, "--model-config");
  toy.model_config = golden("models/sdxl").string();
  expect_error(toy, "has no text_encoder_2");
  toy.model_config = golden("text").string();
  expect_error(toy, "model_index.json");
  Request folder = request_for(golden("models/sd15"));
  folder.model_config = folder.model;
  expect_error(folder, "has its own configuration");
  expect_error(request_for(golden("models/sd15/vae/diffusion_pytorch_model.safetensors")), "one part of a diffusers folder");
  expect_error(request_for(golden("models/sd15/text_encoder/model.safetensors")), "is a text encoder only");
}

}  // namespace
}  // namespace imagent::test
