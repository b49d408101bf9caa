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
  EXPECT_FALSE(get(server(), "/sdcpp/v1/capabilities").body.at("samplers").empty());
  const Answer job = post(server(), "/sdcpp/v1/img_gen", {{"prompt", "a fox"}, {"width", 64}, {"height", 64}, {"seed", -1}, {"batch_count", 2}, {"lora", json::array()},
                                                          {"sample_params", {{"sample_steps", 2}, {"sample_method", "euler_a"}, {"guidance", {{"txt_cfg", 5}}}}}});
  ASSERT_EQ(job.status, 202) << job.body;
  const std::string url = job.body.at("poll_url");
  ASSERT_TRUE(eventually([&] { return get(server(), url).body.at("status") == "completed"; }));
  const json result = get(server(), url).body.at("result");
  ASSERT_EQ(result.at("images").size(), 2u);
  EXPECT_EQ(picture_of(result.at("images").at(1).at("b64_json")).width, 64);
  EXPECT_EQ(post_text(server(), url + "/cancel", "").status, 409);
  EXPECT_EQ(get(server(), "/sdcpp/v1/jobs/none").status, 404);
  EXPECT_EQ(post(server(), "/sdcpp/v1/img_gen", {{"prompt", "x"}, {"lora", json::array({{{"path", "x"}}})}}).status, 404);
}

}  // namespace
}  // namespace imagent::test
