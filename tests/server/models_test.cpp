// Several models, VAEs, LoRAs, adapters and upscalers on one server: chosen by names alone, and nothing of one request stays
// for the next.
#include <gtest/gtest.h>

#include "pipeline/request_fields.h"
#include "server/toy_models.h"

namespace imagent::test {
namespace {

class Models : public ToyModels<Models> {};

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
  EXPECT_EQ(abilities.at("controls"), (json{"edges", "sketch"}));
  EXPECT_EQ(abilities.at("ip_adapters"), json{"ip"});
  EXPECT_EQ(abilities.at("downloads"), false);
  EXPECT_EQ(abilities.at("upscalers").back(), "rrdb_x2");
  EXPECT_EQ(get(server(), "/sdapi/v1/sd-vae").body.at(0).at("model_name"), "toy_decoder.safetensors");
  EXPECT_EQ(get(server(), "/sdapi/v1/upscalers").body.back().at("name"), "rrdb_x2");
  EXPECT_EQ(get(server(), "/sdapi/v1/prompt-styles").body.at(0).at("prompt"), "oil painting of {prompt}");
  EXPECT_EQ(get(server(), "/controlnet/model_list").body.at("model_list"), (json{"edges", "sketch", "ip"}));
  const json modules = get(server(), "/controlnet/module_list").body;
  EXPECT_EQ(modules.at("module_list").at(1), "canny");
  for (const json& module : modules.at("module_list")) EXPECT_TRUE(modules.at("module_detail").contains(module.get<std::string>())) << module;
  const json types = get(server(), "/controlnet/control_types").body.at("control_types");
  EXPECT_EQ(types.at("Canny").at("default_option"), "canny");
  EXPECT_EQ(types.at("IP-Adapter").at("model_list"), json{"ip"});
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

// The web UI answers once the model is loaded; what cannot be loaded is not chosen.
TEST(Options, AnswerWhenTheModelIsLoaded) {
  const Scratch root;
  link_to(golden("models/sd15"), root / "models", "toy");
  fs::copy(golden("models/sd15-tiny"), root / "models" / "broken", fs::copy_options::recursive);
  fs::resize_file(root / "models" / "broken" / "unet" / "diffusion_pytorch_model.safetensors", 1000);
  const auto chosen = [](const TestServer& server) { return get(server, "/sdapi/v1/options").body.at("sd_model_checkpoint").get<std::string>(); };
  {
    const TestServer server([&](server::ServeOptions& options) { options.places.models = root / "models"; });
    const Answer broken = post(server, "/sdapi/v1/options", {{"sd_model_checkpoint", "broken"}});
    EXPECT_EQ(broken.status, 500);
    EXPECT_NE(broken.body.at("detail").get<std::string>().find("diffusion_pytorch_model.safetensors"), std::string::npos) << broken.body;
    EXPECT_TRUE(chosen(server).starts_with("demo"));
    const Answer missing = post(server, "/sdapi/v1/options", {{"sd_model_checkpoint", "nothing"}});
    EXPECT_EQ(missing.status, 500);
    EXPECT_EQ(missing.body.at("detail"), "model 'nothing' not found");
    const Answer loaded = post(server, "/sdapi/v1/options", {{"sd_model_checkpoint", "toy"}});
    EXPECT_EQ(loaded.status, 200);
    EXPECT_TRUE(loaded.body.is_null());
    EXPECT_TRUE(chosen(server).starts_with("toy"));
    for (const char* action : {"unload", "reload"}) {
      const Answer done = post_text(server, str("/sdapi/v1/", action, "-checkpoint"), "");
      EXPECT_EQ(done.status, 200) << action;
      EXPECT_EQ(done.body, json::object()) << action;
    }
  }
  const TestServer small([&](server::ServeOptions& options) {
    options.places.models = root / "models";
    options.engine.memory_limit = 1 << 16;
  });
  const Answer refused = post(small, "/sdapi/v1/options", {{"sd_model_checkpoint", "toy"}});
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.body.at("detail").get<std::string>().find("MiB are needed"), std::string::npos) << refused.body;
  EXPECT_TRUE(chosen(small).starts_with("demo"));
  EXPECT_EQ(post_text(small, "/sdapi/v1/reload-checkpoint", "").status, 503);
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
  EXPECT_EQ(size(4096, 4096, "Latent").first, 422) << "more pixels than the server draws";
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
