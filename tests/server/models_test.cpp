// Several models, VAEs, LoRAs, ControlNets and upscalers on one server: chosen by names alone, and nothing of one request stays
// for the next.
#include <gtest/gtest.h>

#include "image/canny.h"
#include "image/codec.h"
#include "image/compose.h"
#include "pipeline/request_fields.h"
#include "server/base64.h"
#include "server/test_server.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

void link_to(const fs::path& target, const fs::path& folder, const std::string& name) {
  fs::create_directories(folder);
  fs::create_symlink(target, folder / name);
}

// A server whose folders hold the toy models.
class Models : public OneServer<Models> {
 protected:
  static void SetUpTestSuite() {
    folders_ = std::make_unique<Scratch>();
    const fs::path root = folders_->path();
    link_to(golden("models/sd15"), root / "models", "toy");
    link_to(golden("models/sd15-tiny"), root / "models", "tiny");
    link_to(golden("adapters/kohya.safetensors"), root / "loras", "kohya.safetensors");
    link_to(golden("taesd/toy_decoder.safetensors"), root / "vaes", "toy_decoder.safetensors");
    link_to(golden("models/controlnet-sd15"), root / "controls", "edges");
    link_to(golden("upscale/rrdb_x2_plain.safetensors"), root / "upscalers", "rrdb_x2.safetensors");
    std::ofstream(root / "styles.csv") << "name,prompt,negative_prompt\noil,oil painting of {prompt},photo\n";
    start([root](server::ServeOptions& options) {
      options.places = {.models = root / "models", .loras = root / "loras", .vaes = root / "vaes", .controls = root / "controls", .upscalers = root / "upscalers",
                        .taesd = golden("taesd/toy_decoder.safetensors"), .styles = root / "styles.csv"};
    });
  }
  static void TearDownTestSuite() {
    OneServer::TearDownTestSuite();
    folders_.reset();
  }

 private:
  inline static std::unique_ptr<Scratch> folders_;
};

std::string hint() {
  const auto file = read_image(golden("pipelines/controlnet-sd15/hint_0.png"));
  return server::base64_encode(encode_image(file));
}
json toy(json more = json::object()) {
  json body = small({{"model", "toy"}});
  body.update(more);
  return body;
}
json control(json more = json::object()) {
  json unit = {{"model", "edges"}, {"image", hint()}};
  unit.update(more);
  return {{"controls", json::array({unit})}};
}

std::string drawn(const TestServer& server, const json& body) {
  const Answer answer = post(server, "/txt2img", body);
  EXPECT_EQ(answer.status, 200) << answer.body;
  return answer.status == 200 ? server::base64_encode(encode_image(decode_image(server::base64_decode(answer.body.at("images").at(0).get<std::string>(), "picture")))) : "";
}

TEST_F(Models, NothingOfARequestStaysForTheNext) {
  json rich = toy(control());
  rich.update({{"vae", "toy_decoder"}, {"loras", {{{"path", "kohya"}, {"strength", 0.8}}}}});
  const std::string plain = drawn(server(), toy()), changed = drawn(server(), rich);
  EXPECT_NE(changed, plain);
  EXPECT_EQ(drawn(server(), toy()), plain);
  EXPECT_NE(drawn(server(), toy({{"model", "tiny"}})), plain);
  EXPECT_EQ(drawn(server(), rich), changed);
  EXPECT_EQ(drawn(server(), toy()), plain);
  EXPECT_EQ(post_text(server(), "/sdapi/v1/unload-checkpoint", "").status, 200);
  EXPECT_EQ(drawn(server(), toy()), plain) << "after everything was dropped";
}

TEST_F(Models, EachPartOfARequestCounts) {
  const std::string plain = drawn(server(), toy());
  EXPECT_NE(drawn(server(), toy({{"vae", "toy_decoder.safetensors"}})), plain);
  EXPECT_EQ(drawn(server(), toy({{"vae", "Automatic"}})), plain);
  EXPECT_NE(drawn(server(), toy({{"loras", {{{"path", "kohya"}}}}})), plain);
  EXPECT_NE(drawn(server(), toy(control())), plain);
  EXPECT_EQ(drawn(server(), toy(control({{"strength", 0}}))), plain);
  EXPECT_NE(drawn(server(), toy(control({{"preprocess", "canny"}}))), drawn(server(), toy(control())));
  EXPECT_NE(drawn(server(), toy({{"hires_scale", 2}, {"hires_upscaler", "rrdb_x2"}})), drawn(server(), toy({{"hires_scale", 2}, {"hires_upscaler", "Lanczos"}})));
  EXPECT_NE(drawn(server(), toy({{"variation_seed", 3}, {"variation_strength", 0.5}})), plain);
}

TEST_F(Models, NoFieldTakesAPath) {
  for (const FieldInfo& field : infos(request_fields())) {
    const bool in_parts = std::any_of(field.parts.begin(), field.parts.end(), [](const FieldInfo& part) { return part.names_file; });
    if (!field.names_file && !in_parts && field.name != "hires_upscaler") continue;
    for (const fs::path& path : {golden("models/sd15"), fs::path("../models/sd15"), fs::path("/etc/passwd")}) {
      json body = toy();
      body[field.name] = in_parts ? json::array({{{"model", path.string()}, {"image", hint()}}}) : json(path.string());
      if (field.name == "hires_upscaler") body["hires_scale"] = 2;
      const Answer answer = post(server(), "/txt2img", body);
      EXPECT_TRUE(answer.status == 400 || answer.status == 404) << field.name << " " << path << answer.status << answer.body;
    }
  }
  for (const char* picture : {"/etc/passwd", "", "!!", "aGVsbG8="})
    EXPECT_EQ(post(server(), "/txt2img", toy(control({{"image", picture}}))).status, 422) << picture;
  EXPECT_EQ(post(server(), "/txt2img", toy({{"controls", {{{"model", "edges"}}}}})).status, 400) << "no picture";
  EXPECT_EQ(post(server(), "/txt2img", toy({{"controls", {{{"model", "edges"}, {"image", hint()}, {"colour", 1}}}}})).status, 400) << "an unknown name";
  for (const json& wrong : {json(1), json("x"), json::array({1}), json::object()}) EXPECT_EQ(post(server(), "/txt2img", toy({{"controls", wrong}})).status, 400) << wrong;
}

TEST_F(Models, TheListsNameWhatIsThere) {
  const json abilities = get(server(), "/v1/capabilities").body;
  EXPECT_EQ(abilities.at("models"), (json{"demo", "tiny", "toy"}));
  EXPECT_EQ(abilities.at("vaes"), json{"toy_decoder"});
  EXPECT_EQ(abilities.at("controls"), json{"edges"});
  EXPECT_EQ(abilities.at("downloads"), false);
  EXPECT_EQ(abilities.at("upscalers").back(), "rrdb_x2");
  EXPECT_EQ(get(server(), "/sdapi/v1/sd-vae").body.at(0).at("model_name"), "toy_decoder.safetensors");
  EXPECT_EQ(get(server(), "/sdapi/v1/upscalers").body.back().at("name"), "rrdb_x2");
  EXPECT_EQ(get(server(), "/sdapi/v1/prompt-styles").body.at(0).at("prompt"), "oil painting of {prompt}");
  EXPECT_EQ(get(server(), "/controlnet/model_list").body.at("model_list"), json{"edges"});
  EXPECT_EQ(get(server(), "/controlnet/module_list").body.at("module_list"), (json{"none", "canny"}));
  EXPECT_EQ(get(server(), "/controlnet/control_types").body.at("control_types").at("Canny").at("default_option"), "canny");
}

TEST_F(Models, HashesAreKnownAfterAWhile) {
  json models;
  ASSERT_TRUE(eventually([&] {
    models = get(server(), "/sdapi/v1/sd-models").body;
    return std::all_of(models.begin(), models.end(), [](const json& model) { return model.at("sha256").is_string(); });
  }));
  const json& last = models.back();
  EXPECT_EQ(last.at("model_name"), "toy");
  EXPECT_EQ(last.at("title"), "toy [" + last.at("hash").get<std::string>() + "]");
  EXPECT_TRUE(last.at("sha256").get<std::string>().starts_with(last.at("hash").get<std::string>()));
  const Answer answer = post(server(), "/sdapi/v1/txt2img", {{"prompt", "x"}, {"steps", 1}, {"width", 64}, {"height", 64}, {"override_settings", {{"sd_model_checkpoint", last.at("title")}}}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(json::parse(answer.body.at("info").get<std::string>()).at("sd_model_hash"), last.at("hash"));
}

// The AUTOMATIC1111 web UI's dialect.
json webui(json more = json::object()) {
  json body = {{"prompt", "a bird"}, {"steps", 2}, {"width", 64}, {"height", 64}, {"seed", 3}, {"override_settings", {{"sd_model_checkpoint", "toy"}}}};
  body.update(more);
  return body;
}
json units(json unit) { return {{"alwayson_scripts", {{"ControlNet", {{"args", json::array({unit})}}}}}}; }
TEST_F(Models, TheSharedOptionsChooseModelAndVae) {
  const Answer plain = post(server(), "/sdapi/v1/txt2img", webui());
  const json before = get(server(), "/sdapi/v1/options").body;
  EXPECT_EQ(post(server(), "/sdapi/v1/options", {{"sd_model_checkpoint", "toy"}, {"sd_vae", "toy_decoder.safetensors"}}).status, 200);
  EXPECT_TRUE(get(server(), "/sdapi/v1/options").body.at("sd_model_checkpoint").get<std::string>().starts_with("toy"));
  json body = webui();
  body.erase("override_settings");
  const Answer other = post(server(), "/sdapi/v1/txt2img", body);
  EXPECT_NE(other.body.at("images"), plain.body.at("images")) << "its VAE";
  EXPECT_EQ(json::parse(other.body.at("info").get<std::string>()).at("sd_vae_name"), "toy_decoder.safetensors");
  body["override_settings"] = {{"sd_vae", "None"}};
  EXPECT_EQ(post(server(), "/sdapi/v1/txt2img", body).body.at("images"), plain.body.at("images"));
  EXPECT_EQ(post(server(), "/sdapi/v1/options", {{"sd_vae", "nothing"}}).status, 500);
  EXPECT_EQ(post(server(), "/sdapi/v1/options", before).status, 200);
}

TEST_F(Models, TheControlNetExtensionsUnits) {
  const Answer plain = post(server(), "/sdapi/v1/txt2img", webui());
  EXPECT_EQ(plain.body.at("images").size(), 1u);
  const Answer off = post(server(), "/sdapi/v1/txt2img", webui(units({{"enabled", false}, {"model", "nothing"}})));
  EXPECT_EQ(off.body.at("images"), plain.body.at("images"));
  for (const char* name : {"image", "input_image"}) {
    const Answer led = post(server(), "/sdapi/v1/txt2img", webui(units({{name, "data:image/png;base64," + hint()}, {"model", "edges [d14c016b]"}, {"module", "none"}, {"resize_mode", "Just Resize"}})));
    ASSERT_EQ(led.status, 200) << led.body;
    ASSERT_EQ(led.body.at("images").size(), 2u) << "and what it looked at";
    EXPECT_NE(led.body.at("images").at(0), plain.body.at("images").at(0));
    EXPECT_EQ(picture_of(led.body.at("images").at(1)).width, 64);
  }
  const json recorded = {{"enabled", true}, {"module", "canny"}, {"model", "edges"}, {"weight", 0.7}, {"image", {{"image", hint()}, {"mask", nullptr}}}, {"mask", nullptr},
                         {"resize_mode", 1}, {"low_vram", false}, {"processor_res", 64}, {"threshold_a", 50}, {"threshold_b", 120}, {"guidance_start", 0.0}, {"guidance_end", 0.8},
                         {"control_mode", "ControlNet is more important"}, {"pixel_perfect", false}};
  const Answer edges = post(server(), "/sdapi/v1/txt2img", webui(units(recorded)));
  ASSERT_EQ(edges.status, 200) << edges.body;
  EXPECT_EQ(picture_of(edges.body.at("images").at(1)), canny_edges(to_rgb(picture_of(hint())), {50, 120})) << "64 pixels are its own size";
  const Answer again = post(server(), "/sdapi/v1/txt2img", webui());
  EXPECT_EQ(again.body.at("images"), plain.body.at("images"));
}

TEST_F(Models, UnitsLookAtThePictureToStartFrom) {
  json body = webui(units({{"model", "edges"}}));
  EXPECT_EQ(post(server(), "/sdapi/v1/txt2img", body).status, 400) << "there is none";
  body["init_images"] = {hint()};
  const Answer answer = post(server(), "/sdapi/v1/img2img", body);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(picture_of(answer.body.at("images").at(1)), to_rgb(picture_of(hint())));
}

TEST_F(Models, WrongUnitsAreRefused) {
  const std::vector<std::pair<json, int>> wrong = {
      {{{"model", "nothing"}, {"image", hint()}}, 404},          {{{"model", "../edges"}, {"image", hint()}}, 404}, {{{"image", hint()}}, 400},
      {{{"model", "edges"}, {"image", "!"}}, 422},               {{{"model", "edges"}, {"image", hint()}, {"module", "depth_midas"}}, 422},
      {{{"model", "edges"}, {"image", hint()}, {"weight", "x"}}, 400}, {{{"model", "edges"}, {"image", hint()}, {"resize_mode", 9}}, 400},
      {{{"model", "edges"}, {"image", hint()}, {"control_mode", 1}}, 501}};
  for (const auto& [unit, status] : wrong) EXPECT_EQ(post(server(), "/sdapi/v1/txt2img", webui(units(unit))).status, status) << unit.dump().substr(0, 200);
}

TEST_F(Models, StylesAndVariationSeedsOfTheWebUi) {
  const Answer styled = post(server(), "/sdapi/v1/txt2img", webui({{"styles", {"oil"}}}));
  ASSERT_EQ(styled.status, 200) << styled.body;
  const json info = json::parse(styled.body.at("info").get<std::string>());
  EXPECT_EQ(info.at("prompt"), "oil painting of a bird");
  EXPECT_EQ(info.at("negative_prompt"), "photo");
  EXPECT_EQ(info.at("styles"), json{"oil"});
  const Answer varied = post(server(), "/sdapi/v1/txt2img", webui({{"subseed", 11}, {"subseed_strength", 0.3}, {"seed_resize_from_w", -1}, {"seed_resize_from_h", -1}}));
  const json said = json::parse(varied.body.at("info").get<std::string>());
  EXPECT_EQ(said.at("subseed"), 11);
  EXPECT_EQ(said.at("all_subseeds"), json{11});
  EXPECT_EQ(said.at("subseed_strength"), 0.3);
  EXPECT_NE(varied.body.at("images"), styled.body.at("images"));
}

TEST_F(Models, TheSecondPassHasTheSizeThatIsAskedFor) {
  const auto size = [&](int width, int height, const char* upscaler) {
    const json hires = {{"enable_hr", true}, {"denoising_strength", 0.5}, {"hr_second_pass_steps", 2}, {"hr_resize_x", width}, {"hr_resize_y", height}, {"hr_upscaler", upscaler}};
    const Answer answer = post(server(), "/sdapi/v1/txt2img", webui(hires));
    if (answer.status != 200) return std::pair{answer.status, 0};
    const Image picture = picture_of(answer.body.at("images").at(0));
    return std::pair{picture.width, picture.height};
  };
  EXPECT_EQ(size(0, 0, "Latent"), (std::pair{128, 128}));
  EXPECT_EQ(size(96, 0, "Lanczos"), (std::pair{96, 96}));
  EXPECT_EQ(size(96, 128, "rrdb_x2"), (std::pair{96, 128}));
  EXPECT_EQ(size(4096, 4096, "Latent").first, 400) << "more pixels than the server draws";
}

TEST_F(Models, ExtrasEnlargeWithANetwork) {
  const Image input = read_image(golden("upscale/input_a.png"));
  json body = {{"image", server::base64_encode(encode_image(input))}, {"upscaler_1", "rrdb_x2"}, {"upscaling_resize", 2}};
  const Answer answer = post(server(), "/sdapi/v1/extra-single-image", body);
  ASSERT_EQ(answer.status, 200) << answer.body;
  const Image large = picture_of(answer.body.at("image")), wanted = read_image(golden("upscale/rrdb_x2_plain_a.png"));
  ASSERT_EQ(large.pixels.size(), wanted.pixels.size());
  int worst = 0;
  for (size_t i = 0; i < large.pixels.size(); ++i) worst = std::max(worst, std::abs(large.pixels[i] - wanted.pixels[i]));
  EXPECT_LE(worst, 1);
  body.update({{"upscaler_2", "Nearest"}, {"extras_upscaler_2_visibility", 1}});
  const Image second = picture_of(post(server(), "/sdapi/v1/extra-single-image", body).body.at("image"));
  body = {{"image", body["image"]}, {"upscaler_1", "Nearest"}, {"upscaling_resize", 2}};
  EXPECT_EQ(second, picture_of(post(server(), "/sdapi/v1/extra-single-image", body).body.at("image")));
  body.update({{"resize_mode", 1}, {"upscaling_resize_w", 40}, {"upscaling_resize_h", 90}, {"upscaling_crop", false}});
  const Image uncut = picture_of(post(server(), "/sdapi/v1/extra-single-image", body).body.at("image"));
  EXPECT_GE(uncut.width, 40);
  EXPECT_GE(uncut.height, 90);
  EXPECT_EQ(post(server(), "/sdapi/v1/extra-single-image", {{"image", body["image"]}, {"upscaler_1", "rrdb_x2"}, {"gfpgan_visibility", 1}}).status, 501);
}

TEST_F(Models, PreviewsByATinyAutoencoder) {
  EXPECT_EQ(get(server(), "/v1/capabilities").body.at("previews"), (json{"none", "latent", "taesd", "vae"}));
  const auto preview = [&](json how) {
    const std::string id = post(server(), "/v1/jobs", toy(how)).body.at("job_id");
    const auto stream = server().client().Get("/v1/jobs/" + id + "/stream");
    const size_t at = stream->body.find("event: preview\ndata: ");
    if (at == std::string::npos) return Image();
    const size_t begin = stream->body.find('{', at);
    return picture_of(json::parse(stream->body.substr(begin, stream->body.find('\n', begin) - begin)).at("image"));
  };
  const Image latent = preview({{"preview_every", 1}, {"preview_method", "latent"}}), tiny = preview({{"preview_every", 1}});
  EXPECT_EQ(tiny.width, 64);
  EXPECT_LT(latent.width, 64) << "a pixel a latent";
  EXPECT_EQ(preview({{"preview_every", 1}, {"preview_method", "vae"}}).width, 64);
}

}  // namespace
}  // namespace imagent::test
