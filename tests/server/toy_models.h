// A server whose folders hold the toy models and adapters, and the bodies that tests send it.
#pragma once
#include "image/codec.h"
#include "server/base64.h"
#include "server/test_server.h"

namespace imagent::test {

namespace fs = std::filesystem;
using nlohmann::json;

inline void link_to(const fs::path& target, const fs::path& folder, const std::string& name) {
  fs::create_directories(folder);
  fs::create_symlink(target, folder / name);
}

// Suite: who derives from it.
template <class Suite>
class ToyModels : public OneServer<Suite> {
 protected:
  static void SetUpTestSuite() {
    folders_ = std::make_unique<Scratch>();
    const fs::path root = folders_->path();
    link_to(golden("models/sd15"), root / "models", "toy");
    link_to(golden("models/sd15-tiny"), root / "models", "tiny");
    link_to(golden("adapters/kohya.safetensors"), root / "loras", "kohya.safetensors");
    link_to(golden("taesd/toy_decoder.safetensors"), root / "vaes", "toy_decoder.safetensors");
    link_to(golden("models/controlnet-sd15"), root / "controls", "edges");
    link_to(golden("image_adapters/t2i-sd15"), root / "controls", "sketch");
    link_to(golden("image_adapters/ip-sd15.safetensors"), root / "controls", "ip.safetensors");
    link_to(golden("image_adapters/image_encoder"), root / "controls", "image_encoder");
    link_to(golden("upscale/rrdb_x2_plain.safetensors"), root / "upscalers", "rrdb_x2.safetensors");
    std::ofstream(root / "styles.csv") << "name,prompt,negative_prompt\noil,oil painting of {prompt},photo\n";
    OneServer<Suite>::start([root](server::ServeOptions& options) {
      options.places = {.models = root / "models", .loras = root / "loras", .vaes = root / "vaes", .controls = root / "controls", .upscalers = root / "upscalers",
                        .taesd = golden("taesd/toy_decoder.safetensors"), .styles = root / "styles.csv"};
    });
  }
  static void TearDownTestSuite() {
    OneServer<Suite>::TearDownTestSuite();
    folders_.reset();
  }

 private:
  inline static std::unique_ptr<Scratch> folders_;
};

inline std::string hint() {
  const auto file = read_image(golden("pipelines/controlnet-sd15/hint_0.png"));
  return server::base64_encode(encode_image(file));
}
inline json toy(json more = json::object()) {
  json body = small({{"model", "toy"}});
  body.update(more);
  return body;
}
inline std::string region(uint8_t left, uint8_t right) {
  Image picture(64, 64, 3);
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 64; ++x) std::fill_n(picture.at(x, y), 3, x < 32 ? left : right);
  return server::base64_encode(encode_image(picture));
}
inline json control(json more = json::object()) {
  json unit = {{"model", "edges"}, {"image", hint()}};
  unit.update(more);
  return {{"controls", json::array({unit})}};
}

inline std::string drawn(const TestServer& server, const json& body) {
  const Answer answer = post(server, "/txt2img", body);
  EXPECT_EQ(answer.status, 200) << answer.body;
  return answer.status == 200 ? server::base64_encode(encode_image(decode_image(server::base64_decode(answer.body.at("images").at(0).get<std::string>(), "picture")))) : "";
}

// The AUTOMATIC1111 web UI's dialect.
inline json webui(json more = json::object()) {
  json body = {{"prompt", "a bird"}, {"steps", 2}, {"width", 64}, {"height", 64}, {"seed", 3}, {"override_settings", {{"sd_model_checkpoint", "toy"}}}};
  body.update(more);
  return body;
}
inline json units(json unit) { return {{"alwayson_scripts", {{"ControlNet", {{"args", json::array({unit})}}}}}}; }

}  // namespace imagent::test
