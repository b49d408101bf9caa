// OpenAI's image API and stable-diffusion.cpp's, as their clients call them.
#include <gtest/gtest.h>

#include "image/codec.h"
#include "server/base64.h"
#include "server/test_server.h"

namespace imagent::test {
namespace {

using nlohmann::json;

class OpenAi : public OneServer<OpenAi> {};

TEST_F(OpenAi, GeneratesAsTheSdkAsks) {
  const Answer answer = post(server(), "/v1/images/generations", {{"model", "gpt-image-1"}, {"prompt", "a fox"}, {"n", 2}, {"size", "64x64"}, {"steps", 2}, {"seed", 4}, {"quality", "low"}, {"user", "u"}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  ASSERT_EQ(answer.body.at("data").size(), 2u);
  EXPECT_EQ(picture_of(answer.body.at("data").at(1).at("b64_json")).height, 64);
  EXPECT_EQ(answer.body.at("size"), "64x64");
  EXPECT_TRUE(answer.body.at("usage").contains("total_tokens"));
  EXPECT_GT(answer.body.at("created"), 1600000000);
}

TEST_F(OpenAi, FormatsAndUrls) {
  const Answer jpeg = post(server(), "/v1/images/generations", {{"prompt", "a fox"}, {"size", "64x64"}, {"steps", 1}, {"output_format", "jpeg"}, {"output_compression", 80}});
  ASSERT_EQ(jpeg.status, 200) << jpeg.body;
  EXPECT_EQ(format_of_content(server::base64_decode(jpeg.body.at("data").at(0).at("b64_json").get<std::string>(), "picture")), ImageFormat::jpeg);
  const Answer url = post(server(), "/v1/images/generations", {{"prompt", "a fox"}, {"size", "64x64"}, {"steps", 1}, {"response_format", "url"}});
  const std::string link = url.body.at("data").at(0).at("url"), base = "http://127.0.0.1:" + std::to_string(server().port());
  ASSERT_TRUE(link.starts_with(base)) << link;
  EXPECT_EQ(server().client().Get(link.substr(base.size()))->get_header_value("Content-Type"), "image/png");
}

TEST_F(OpenAi, ErrorsHaveTheFieldsOfTheSdk) {
  const std::vector<std::pair<json, std::string>> cases = {{{{"n", 2}}, "prompt"}, {{{"prompt", "x"}, {"n", 11}}, "n"}, {{{"prompt", "x"}, {"response_format", "gif"}}, "response_format"},
                                                           {{{"prompt", "x"}, {"output_compression", 101}}, "output_compression"}, {{{"prompt", 5}}, "prompt"}};
  for (const auto& [body, param] : cases) {
    const Answer answer = post(server(), "/v1/images/generations", body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(answer.body.at("error").at("param"), param);
    EXPECT_EQ(answer.body.at("error").at("type"), "invalid_request_error");
  }
  EXPECT_EQ(post(server(), "/v1/images/generations", {{"prompt", "x"}, {"size", "63x64"}}).status, 400);
  const Answer model = post(server(), "/v1/images/generations", {{"prompt", "x"}, {"model", "../demo"}});
  EXPECT_EQ(model.status, 404);
  EXPECT_EQ(model.body.at("error").at("code"), "model_not_found");
}

TEST_F(OpenAi, StreamsPartialImagesThenTheLast) {
  const json body = {{"prompt", "a fox"}, {"size", "64x64"}, {"steps", 6}, {"stream", true}, {"partial_images", 2}};
  auto client = server().client();
  const auto result = client.Post("/v1/images/generations", body.dump(), "application/json");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->get_header_value("Content-Type"), "text/event-stream");
  std::istringstream in(result->body);
  std::string events;
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("data: ")) {
      const json data = json::parse(line.substr(6));
      events += data.at("type").get<std::string>() + " ";
      EXPECT_EQ(picture_of(data.at("b64_json")).width, 64);
    }
  EXPECT_EQ(events, "image_generation.partial_image image_generation.partial_image image_generation.completed ");
}

TEST_F(OpenAi, ListsModels) {
  const Answer list = get(server(), "/v1/models");
  EXPECT_EQ(list.body.at("object"), "list");
  EXPECT_EQ(list.body.at("data").at(0).at("id"), "demo");
  EXPECT_EQ(get(server(), "/v1/models/demo").body.at("object"), "model");
  EXPECT_EQ(get(server(), "/v1/models/none").status, 404);
}

TEST_F(OpenAi, FormsAreReadAndTheirFaultsNamed) {
  auto client = server().client();
  const auto edit = [&](const httplib::MultipartFormDataItems& items) { return answer_of(client.Post("/v1/images/edits", items)); };
  EXPECT_EQ(edit({{"prompt", "x", "", ""}}).body.at("error").at("param"), "image");
  EXPECT_EQ(edit({{"prompt", "x", "", ""}, {"image", "garbage", "a.png", "image/png"}, {"mask", "garbage", "m.png", "image/png"}}).status, 422);
  EXPECT_EQ(post(server(), "/v1/images/edits", {{"prompt", "x"}}).status, 400);
  Image picture(64, 64, 3), mask(64, 64, 4);
  for (uint8_t& value : picture.pixels) value = 200;
  for (int x = 0; x < 64; ++x)
    for (int y = 0; y < 64; ++y) mask.at(x, y)[3] = y < 32 ? 0 : 255;  // what is transparent is edited
  const auto file = [](const Image& image) {
    const auto bytes = encode_image(image);
    return std::string(bytes.begin(), bytes.end());
  };
  const Answer edited = edit({{"prompt", "x", "", ""}, {"size", "64x64", "", ""}, {"steps", "2", "", ""}, {"n", "1", "", ""}, {"image[]", file(picture), "a.png", "image/png"},
                              {"mask", file(mask), "m.png", "image/png"}});
  ASSERT_EQ(edited.status, 200) << edited.body;
  EXPECT_EQ(*picture_of(edited.body.at("data").at(0).at("b64_json")).at(30, 60), 200);
}

TEST_F(OpenAi, StableDiffusionCppQueuesAndPolls) {
  const json abilities = get(server(), "/sdcpp/v1/capabilities").body;
  EXPECT_FALSE(abilities.at("samplers").empty());
  EXPECT_EQ(abilities.at("limits").at("max_queue_size"), 64);
  EXPECT_EQ(abilities.at("defaults"), abilities.at("defaults_by_mode").at(abilities.at("current_mode").get<std::string>()));
  EXPECT_TRUE(abilities.at("upscalers").at(0).at("name").is_string());
  const Answer job = post(server(), "/sdcpp/v1/img_gen", {{"prompt", "a fox"}, {"width", 64}, {"height", 64}, {"seed", -1}, {"batch_count", 2}, {"lora", json::array()},
                                                          {"sample_params", {{"sample_steps", 2}, {"sample_method", "euler_a"}, {"guidance", {{"txt_cfg", 5}}}}}});
  ASSERT_EQ(job.status, 202) << job.body;
  const std::string url = job.body.at("poll_url");
  ASSERT_TRUE(eventually([&] { return get(server(), url).body.at("status") == "completed"; }));
  const json done = get(server(), url).body, result = done.at("result");
  EXPECT_GE(done.at("completed"), done.at("started"));
  EXPECT_TRUE(done.at("error").is_null());
  ASSERT_EQ(result.at("images").size(), 2u);
  EXPECT_EQ(picture_of(result.at("images").at(1).at("b64_json")).width, 64);
  EXPECT_EQ(post_text(server(), url + "/cancel", "").status, 409);
  EXPECT_EQ(get(server(), "/sdcpp/v1/jobs/none").status, 404);
  EXPECT_EQ(post(server(), "/sdcpp/v1/img_gen", {{"prompt", "x"}, {"lora", json::array({{{"path", "x"}}})}}).status, 404);
}

// A body with everything that the program's own documentation shows, most of it switched off.
TEST_F(OpenAi, StableDiffusionCppsWholeBody) {
  json body = {{"prompt", "a cat"}, {"negative_prompt", ""}, {"clip_skip", -1}, {"width", 64}, {"height", 64}, {"strength", 0.75}, {"seed", 5}, {"batch_count", 1},
               {"auto_resize_ref_image", true}, {"increase_ref_index", false}, {"control_strength", 0.9}, {"embed_image_metadata", true}, {"init_image", nullptr},
               {"ref_images", json::array()}, {"mask_image", nullptr}, {"control_image", nullptr}, {"ip_adapter_image", nullptr},
               {"sample_params",
                {{"scheduler", "discrete"}, {"sample_method", "euler_a"}, {"sample_steps", 2}, {"eta", 1.0}, {"shifted_timestep", 0}, {"custom_sigmas", json::array()}, {"flow_shift", 0.0},
                 {"guidance", {{"txt_cfg", 7.0}, {"img_cfg", 7.0}, {"distilled_guidance", 3.5}, {"slg", {{"layers", {7, 8, 9}}, {"layer_start", 0.01}, {"layer_end", 0.2}, {"scale", 0.0}}}}}}},
               {"lora", json::array()},
               {"hires", {{"enabled", false}, {"upscaler", "Latent"}, {"scale", 2.0}, {"target_width", 0}, {"target_height", 0}, {"steps", 0}, {"denoising_strength", 0.7}, {"custom_sigmas", json::array()}}},
               {"vae_tiling_params", {{"enabled", false}, {"tile_size_x", 0}}}, {"cache_mode", "disabled"}, {"cache_option", ""}, {"scm_policy_dynamic", true},
               {"output_format", "png"}, {"output_compression", 100}};
  const auto width = [&] {
    const Answer job = post(server(), "/sdcpp/v1/img_gen", body);
    EXPECT_EQ(job.status, 202) << job.body;
    json state;
    EXPECT_TRUE(eventually([&] {
      state = get(server(), job.body.value("poll_url", "")).body;
      return state.value("status", "") == "completed" || state.value("status", "") == "failed";
    }));
    return state.at("result").is_null() ? 0 : picture_of(state.at("result").at("images").at(0).at("b64_json")).width;
  };
  EXPECT_EQ(width(), 64);
  body["hires"].update({{"enabled", true}, {"scale", 1.5}, {"steps", 2}});
  EXPECT_EQ(width(), 96);
  for (const auto& [key, value] : {std::pair<const char*, json>{"control_image", "aGVsbG8="}, {"ref_images", json::array({"aGVsbG8="})}, {"cache_mode", "easycache"}}) {
    json more = body;
    more[key] = value;
    EXPECT_EQ(post(server(), "/sdcpp/v1/img_gen", more).status, 501) << key;
  }
}

TEST_F(OpenAi, PromptsMayHoldStableDiffusionCppsFields) {
  const std::string extra = " <sd_cpp_extra_args>{\"seed\": 9, \"sample_params\": {\"sample_steps\": 2, \"sample_method\": \"euler_a\"}}</sd_cpp_extra_args>";
  const Answer plain = post(server(), "/txt2img", {{"prompt", "a fox"}, {"width", 64}, {"height", 64}, {"steps", 2}, {"seed", 9}, {"sampler", "euler_a"}, {"guidance_scale", 5}});
  ASSERT_EQ(plain.status, 200) << plain.body;
  const Answer generation = post(server(), "/v1/images/generations", {{"prompt", "a fox" + extra}, {"size", "64x64"}, {"guidance_scale", 5}});
  ASSERT_EQ(generation.status, 200) << generation.body;
  EXPECT_EQ(picture_of(generation.body.at("data").at(0).at("b64_json")), picture_of(plain.body.at("images").at(0)));
  const Answer webui = post(server(), "/sdapi/v1/txt2img", {{"prompt", "a fox" + extra}, {"width", 64}, {"height", 64}, {"cfg_scale", 5}});
  ASSERT_EQ(webui.status, 200) << webui.body;
  const json info = json::parse(webui.body.at("info").get<std::string>());
  EXPECT_EQ(info.at("prompt"), "a fox");
  EXPECT_EQ(info.at("seed"), 9);
  EXPECT_EQ(info.at("steps"), 2);
  EXPECT_EQ(info.at("sampler_name"), "Euler a");
  EXPECT_EQ(post(server(), "/v1/images/generations", {{"prompt", "a fox <sd_cpp_extra_args>{</sd_cpp_extra_args>"}}).status, 400);
}

}  // namespace
}  // namespace imagent::test
