// Words of the prompt that stand for learned vectors.
#include <fstream>

#include "base/error.h"
#include "pipeline/engine.h"
#include "support/golden.h"
#include "support/write_safetensors.h"
#include "text/tokenizer.h"
#include "weights/open.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

// A folder of embeddings for the toy models, empty at first.
struct Embeddings : testing::Test {
  Embeddings() : folder(fs::path(testing::TempDir()) / "embeddings") {
    fs::remove_all(folder);
    fs::create_directories(folder / "below");
  }
  void add(const std::string& golden_file, const std::string& name) {
    fs::copy_file(golden("adapters/textual_inversion/" + golden_file), folder / name);
  }
  Engine& engine() {
    if (!engine_) engine_.emplace(EngineOptions{.device = "cpu", .threads = 0, .builtin_model = source_dir() / "models/demo", .embeddings_dir = folder});
    return *engine_;
  }
  static Request request(const std::string& prompt, const std::string& model = "sd15") {
    Request r;
    r.prompt = prompt;
    r.negative = "blurry";
    r.model = golden("models/" + model).string();
    r.width = r.height = 64;
    r.steps = 1;
    r.seed = 7;
    r.dtype = DType::f32;
    return r;
  }
  imagent::Run draw(const Request& r) { return engine().generate(r); }
  std::string refusal(const Request& r) {
    try {
      draw(r);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::model);
      return error.text;
    }
    return "nothing was refused";
  }

  fs::path folder;
  std::optional<Engine> engine_;
};

// The vectors of known words under another name have to give these words' picture.
TEST_F(Embeddings, TakeThePlaceOfTheirVectors) {
  const std::string words = "red house";
  std::map<std::string, TensorView> tensors;
  std::vector<std::vector<float>> held;
  for (const auto& [part, key] : std::vector<std::pair<std::string, std::string>>{{"text_encoder", "clip_l"}, {"text_encoder_2", "clip_g"}}) {
    const ClipTokenizer tokenizer = ClipTokenizer::from_folder(golden("models/sdxl/" + std::string(part == "text_encoder" ? "tokenizer" : "tokenizer_2")));
    const auto table = open_weights(golden("models/sdxl/" + part + "/model.safetensors"))->find("text_model.embeddings.token_embedding.weight");
    const std::vector<float> all = to_f32(*table);
    const int64_t width = table->shape[1];
    std::vector<float>& rows = held.emplace_back();
    const std::vector<int> ids = tokenizer.encode(words);
    for (const int id : ids) rows.insert(rows.end(), all.begin() + id * width, all.begin() + (id + 1) * width);
    tensors[key] = {DType::f32, {static_cast<int64_t>(ids.size()), width}, {}, nullptr};
  }
  tensors["clip_l"].bytes = std::as_bytes(std::span(held[0]));
  tensors["clip_g"].bytes = std::as_bytes(std::span(held[1]));
  write_safetensors(folder / "below" / "zqx.safetensors", tensors);
  const Image wanted = draw(request("a red house, in the (red house:1.3) garden", "sdxl")).results[0].image;
  const auto run = draw(request("a zqx, in the (zqx:1.3) garden", "sdxl"));
  EXPECT_EQ(run.results[0].image, wanted);
  EXPECT_EQ(run.embedding_hashes.size(), 1u);
}

TEST_F(Embeddings, ChangeThePictureAndAreToldInItsText) {
  add("a1111_pt.pt", "Toy-Style.pt");
  const auto plain = draw(request("a red house"));
  EXPECT_EQ(plain.results[0].infotext.find("TI hashes"), std::string::npos);
  const auto styled = draw(request("a red house, toy-style"));
  EXPECT_FALSE(styled.results[0].image == plain.results[0].image);
  EXPECT_NE(styled.results[0].infotext.find(", TI hashes: \"Toy-Style: a2832d326b42\", "), std::string::npos) << styled.results[0].infotext;
  Request negative = request("a red house");
  negative.negative = "toy-style";
  EXPECT_EQ(draw(negative).embedding_hashes.size(), 1u);
  Request letter = request("a red house, toy-style");
  letter.compat = Compat::diffusers;  // plain text
  EXPECT_TRUE(draw(letter).embedding_hashes.empty());
}

TEST_F(Embeddings, AreRefusedWhenThePromptMeansThem) {
  add("bad_wrong_width.safetensors", "wide.safetensors");
  add("bad_two_tokens.safetensors", "two.safetensors");
  add("sdxl.safetensors", "pair.safetensors");
  add("emb_params.safetensors", "single.safetensors");
  std::ofstream(folder / "torn.pt") << "nothing";
  EXPECT_NE(refusal(request("a wide house")).find("its vectors are 48 wide, those of sd15's text encoder 32"), std::string::npos);
  EXPECT_NE(refusal(request("a house for two")).find("an embedding of one word is wanted"), std::string::npos);
  EXPECT_NE(refusal(request("a pair")).find("it is made for SDXL"), std::string::npos);
  EXPECT_NE(refusal(request("a single house", "sdxl")).find("SDXL wants clip_l and clip_g"), std::string::npos);
  EXPECT_NE(refusal(request("torn paper")).find("torn.pt"), std::string::npos);
  EXPECT_EQ(refusal(request("a widely known network, singled out")), "nothing was refused");  // no words of these
}

// 74 words and then an embedding of three vectors: it moves to the next chunk as a whole.
TEST_F(Embeddings, AreNeverSplitOverAChunk) {
  add("emb_params.safetensors", "zqx.safetensors");
  std::string prompt;
  for (int i = 0; i < 74; ++i) prompt += "red ";
  const Image together = draw(request(prompt + "BREAK zqx")).results[0].image;
  EXPECT_EQ(draw(request(prompt + "zqx")).results[0].image, together);
}

}  // namespace
}  // namespace imagent::test
