// A toy model in every format of weight files draws the same picture, bit by bit where the dtype is the same.
#include <unistd.h>

#include <sstream>

#include "pipeline/engine.h"
#include "pipeline/model_folder.h"
#include "pipeline/single_file.h"
#include "support/golden.h"
#include "support/write_safetensors.h"
#include "support/write_torch.h"
#include "weights/open.h"
#include "weights/write.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;
using Tensors = std::map<std::string, TensorView>;

const fs::path& toy() {
  static const fs::path folder = golden("models/sd15");
  return folder;
}

class TensorSource : public Source {
 public:
  explicit TensorSource(const Tensors& tensors) : tensors_(tensors) {}
  std::optional<TensorView> find(const std::string& name) const override {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, view] : tensors_) names.push_back(name);
    return names;
  }
  std::string origin() const override { return "tensors"; }

 private:
  const Tensors& tensors_;
};

class Formats : public testing::Test {
 protected:
  Formats() { fs::create_directories(at_); }
  ~Formats() override { fs::remove_all(at_); }

  static Engine& engine() {
    static Engine engine({.device = "cpu", .threads = 0, .builtin_model = source_dir() / "models/demo"});
    return engine;
  }
  static std::vector<float> latents(const fs::path& model, const fs::path& config = {}) {
    Request r;
    r.prompt = "a red house by the sea";
    r.model = model.string();
    r.model_config = config.string();
    r.steps = 2;
    r.guidance_scale = 5;
    r.seed = 7;
    r.width = r.height = 64;
    r.dtype = DType::f32;
    return engine().generate(r).results[0].latents;
  }
  static const std::vector<float>& of_folder() {
    static const std::vector<float> drawn = latents(toy());
    return drawn;
  }

  // The toy's tensors under the original names, by the published table.
  static Tensors original_names() {
    const ModelFolder folder(toy());
    std::istringstream table(read_text(golden("formats/ldm/key_map_sd15_toy.tsv")));
    std::string line;
    std::getline(table, line);  // headings
    Tensors tensors;
    while (std::getline(table, line)) {
      const auto columns = split(line, '\t');
      if (columns[1] == "ignore") continue;
      auto view = folder.weights(std::string(columns[2]), false)->find(std::string(columns[3]));
      check(view.has_value(), line);
      if (columns[1] == "conv1x1") view->shape = Shape{view->shape[0], view->shape[1], 1, 1};
      tensors[std::string(columns[0])] = *view;
    }
    return tensors;
  }

  static Tensors all_of(const Source& source) {
    Tensors tensors;
    for (const std::string& name : source.names()) tensors[name] = source.find(name).value();
    return tensors;
  }

  static TensorView in_16_bits(const TensorView& view) {
    const auto values = to_f32(view);
    const auto half = std::make_shared<std::vector<std::byte>>(values.size() * 2);
    narrow_from_f32(DType::f16, values.data(), half->data(), values.size());
    return {DType::f16, view.shape, *half, half};
  }
  static Tensors in_16_bits(Tensors tensors) {
    for (auto& [name, view] : tensors)
      if (is_float(view.dtype)) view = in_16_bits(view);
    return tensors;
  }

  // `blocks`: for the matrices that consist of whole ones.
  fs::path write_gguf(const std::string& name, const Tensors& tensors, const GgmlType* blocks = nullptr) const {
    WeightsPlan plan;
    for (const auto& [own, view] : tensors) {
      const bool whole = blocks && view.shape.rank() == 2 && view.shape[1] % static_cast<int64_t>(blocks->block) == 0;
      plan.tensors.push_back({own, view.shape, whole ? StoredType{.blocks = blocks} : StoredType{.dtype = view.dtype}});
    }
    AtomicFile file(at_ / name);
    imagent::write_gguf(file, plan, TensorSource(tensors), [](uint64_t) {});
    file.commit();
    return at_ / name;
  }

  // A copy of the toy's folder whose parts are written by `write`.
  template <class Write>
  fs::path folder(const std::string& name, const Write& write) const {
    const fs::path copy = at_ / name;
    fs::copy(toy(), copy, fs::copy_options::recursive);
    for (const char* part : {"unet", "vae", "text_encoder"}) {
      for (const auto& entry : fs::directory_iterator(copy / part))
        if (entry.path().extension() == ".safetensors") fs::remove(entry.path());
      write(copy / part, part[0] == 't' ? "model" : "diffusion_pytorch_model", all_of(*ModelFolder(toy()).weights(part, false)));
    }
    return copy;
  }

  fs::path at_ = fs::temp_directory_path() / str("imagent_formats_", ::getpid());
};

TEST_F(Formats, SingleFiles) {
  const Tensors tensors = original_names();
  write_safetensors(at_ / "model.safetensors", tensors);
  EXPECT_EQ(latents(at_ / "model.safetensors", toy()), of_folder());
  write_torch(at_ / "model.ckpt", TensorSource(tensors));
  EXPECT_EQ(latents(at_ / "model.ckpt", toy()), of_folder());
  write_legacy_torch(at_ / "model.pt", TensorSource(tensors));
  EXPECT_EQ(latents(at_ / "model.pt", toy()), of_folder());
  EXPECT_EQ(latents(write_gguf("model.gguf", tensors), toy()), of_folder());
}

TEST_F(Formats, SixteenBits) {
  const Tensors tensors = in_16_bits(original_names());
  write_safetensors(at_ / "half.safetensors", tensors);
  const auto drawn = latents(at_ / "half.safetensors", toy());
  EXPECT_LT(max_abs_difference(drawn, of_folder()), 0.1);
  write_torch(at_ / "half.ckpt", TensorSource(tensors));
  EXPECT_EQ(latents(at_ / "half.ckpt", toy()), drawn);
  EXPECT_EQ(latents(write_gguf("half.gguf", tensors), toy()), drawn);
  const auto variant = [](const fs::path& part, const std::string& stem, const Tensors& own) { write_safetensors(part / (stem + ".fp16.safetensors"), in_16_bits(own)); };
  EXPECT_EQ(latents(folder("variant", variant)), drawn);
}

TEST_F(Formats, Folders) {
  const auto shards = [](const fs::path& part, const std::string& stem, const Tensors& own) {
    Tensors pieces[2];
    nlohmann::json map;
    for (const auto& [name, view] : own) {
      const size_t piece = map.size() % 2;
      pieces[piece][name] = view;
      map[name] = str(stem, "-0000", piece + 1, "-of-00002.safetensors");
    }
    for (size_t piece = 0; piece < 2; ++piece) write_safetensors(part / str(stem, "-0000", piece + 1, "-of-00002.safetensors"), pieces[piece]);
    std::ofstream(part / (stem + ".safetensors.index.json")) << nlohmann::json{{"weight_map", map}};
  };
  EXPECT_EQ(latents(folder("shards", shards)), of_folder());
  const auto pickles = [](const fs::path& part, const std::string& stem, const Tensors& own) { write_torch(part / ((stem == "model" ? "pytorch_model" : stem) + ".bin"), TensorSource(own)); };
  EXPECT_EQ(latents(folder("pickles", pickles)), of_folder());
}

TEST_F(Formats, Quantised) {
  const fs::path quantised = write_gguf("model.gguf", original_names(), ggml_type(uint32_t{8}));
  write_safetensors(at_ / "widened.safetensors", all_of(*open_weights(quantised)));
  const auto drawn = latents(quantised, toy());
  EXPECT_EQ(drawn, latents(at_ / "widened.safetensors", toy()));
  EXPECT_NE(drawn, of_folder());
  EXPECT_LT(max_abs_difference(drawn, of_folder()), 0.5);
}

// As stable-diffusion.cpp writes them: transformers' names for OpenCLIP's encoder too, with OpenCLIP's projection.
TEST_F(Formats, StableDiffusionCppsNames) {
  const fs::path sdxl = golden("models/sdxl-turbo");
  Tensors tensors;
  for (const auto& [name, view] : all_of(*open_weights(golden("formats/ldm/sdxl-turbo_single.safetensors")))) {
    if (!name.starts_with("conditioner.")) tensors[name] = view;
    if (name.ends_with(".text_projection")) tensors["cond_stage_model.1.transformer.text_model.text_projection"] = view;
  }
  for (const auto& [part, prefix] : {std::pair{"text_encoder", "cond_stage_model.transformer."}, {"text_encoder_2", "cond_stage_model.1.transformer."}})
    for (const auto& [name, view] : all_of(*ModelFolder(sdxl).weights(part, false)))
      if (name.starts_with("text_model.") && !name.ends_with("position_ids")) tensors[prefix + name] = view;
  write_safetensors(at_ / "cpp.safetensors", tensors);
  EXPECT_EQ(latents(at_ / "cpp.safetensors", sdxl), latents(sdxl));
}

// As ComfyUI's GGUF files are: the UNet alone, without a prefix.
TEST_F(Formats, AUNetAloneIsCompletedByAFolder) {
  Tensors unet;
  const std::string prefix = "model.diffusion_model.";
  for (const auto& [name, view] : original_names())
    if (name.starts_with(prefix)) unet[name.substr(prefix.size())] = view;
  const fs::path file = write_gguf("unet.gguf", unet);
  EXPECT_EQ(latents(file, toy()), of_folder());
  try {
    latents(file);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(error.text.find("is the UNet of a model only: name a folder"), std::string::npos) << error.text;
    EXPECT_NE(error.text.find("--model-config"), std::string::npos);
  }
}

}  // namespace
}  // namespace imagent::test
