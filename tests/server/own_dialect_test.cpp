// imagent's own dialect over real HTTP: pictures, jobs, streams, the gallery, and what the server says about itself.
#include <gtest/gtest.h>

#include "base/str.h"
#include "image/codec.h"
#include "server/base64.h"
#include "server/route_details.h"
#include "server/test_server.h"

namespace imagent::test {
namespace {

class OwnDialect : public OneServer<OwnDialect> {};

TEST_F(OwnDialect, HealthAndReadinessAnswerAtOnce) {
  const Answer health = get(server(), "/health");
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(health.body.at("status"), "healthy");
  EXPECT_TRUE(eventually([&] { return get(server(), "/ready").body.at("ready") == true; }));
}

TEST_F(OwnDialect, TextToImageGivesThePictureAndItsSettings) {
  const Answer answer = post(server(), "/txt2img", small());
  ASSERT_EQ(answer.status, 200) << answer.body;
  const Image image = picture_of(answer.body.at("images").at(0));
  EXPECT_EQ(image.width, 64);
  EXPECT_EQ(answer.body.at("info").at("seed"), 7);
  EXPECT_EQ(answer.body.at("info").at("steps"), 2);
  EXPECT_EQ(answer.body.at("info").at("guidance"), 7.5);
  EXPECT_EQ(post(server(), "/txt2img", small()).body.at("images"), answer.body.at("images")) << "the same seed, the same picture";
  EXPECT_NE(post(server(), "/txt2img", small({{"seed", 8}})).body.at("images"), answer.body.at("images"));
}

TEST_F(OwnDialect, BatchesCountTheirSeedsOn) {
  const Answer answer = post(server(), "/txt2img", small({{"batch", 2}, {"batches", 2}}));
  ASSERT_EQ(answer.status, 200) << answer.body;
  ASSERT_EQ(answer.body.at("images").size(), 4u);
  EXPECT_EQ(post(server(), "/txt2img", small({{"seed", 10}})).body.at("images").at(0), answer.body.at("images").at(3));
  for (const nlohmann::json& wrong : {nlohmann::json(0), nlohmann::json("2"), nlohmann::json(17)}) EXPECT_EQ(post(server(), "/txt2img", small({{"batches", wrong}})).status, 400) << wrong;
}

TEST_F(OwnDialect, NullsAndUnknownKeysAreLeftAloneAndNamesHaveAliases) {
  const Answer answer = post(server(), "/txt2img", small({{"negative_prompt", nullptr}, {"guidance_scale", 3}, {"seed", -5}, {"whatever", {{"a", 1}}}, {"sampler", "DPM++ 2M Karras"}}));
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.body.at("info").at("guidance"), 3);
  EXPECT_GE(answer.body.at("info").at("seed"), 0);
}

TEST_F(OwnDialect, EachLimitHasItsOwnSentence) {
  const std::vector<std::pair<nlohmann::json, std::string>> cases = {
      {{{"steps", 151}}, "steps 151"}, {{{"steps", 0}}, "steps"},        {{{"guidance", 31}}, "guidance 31"}, {{{"width", 2056}}, "width 2056"},
      {{{"width", 56}}, "width"},      {{{"height", 100}}, "height"},    {{{"prompt", " "}}, "prompt"},       {{{"sampler", "eulr"}}, "did you mean euler"},
      {{{"steps", "many"}}, "steps"},  {{{"steps", {1, 2}}}, "steps"},   {{{"prompt", {{"a", 1}}}}, "prompt"}, 
      {{{"seed", 1e300}}, "seed"},     {{{"preview_every", "x"}}, "preview"}};
  for (const auto& [change, text] : cases) {
    const Answer answer = post(server(), "/txt2img", small(change));
    EXPECT_TRUE(answer.status == 400 || answer.status == 501) << change << answer.status;
    EXPECT_NE(answer.body.at("error").at("message").get<std::string>().find(text), std::string::npos) << answer.body;
  }
  for (const char* name : {"x", "../x", "/etc/passwd"}) EXPECT_EQ(post(server(), "/txt2img", small({{"loras", nlohmann::json::array({{{"path", name}}})}})).status, 404) << name;
  EXPECT_EQ(post(server(), "/txt2img", small({{"loras", nlohmann::json::array({{{"path", "x"}, {"strength", 11}}})}})).status, 400);
  EXPECT_NE(post(server(), "/txt2img", small({{"prompt", "a <lora:../../x:1> fox"}})).status, 200) << "no such LoRA here";
  EXPECT_EQ(post(server(), "/txt2img", {{"width", 64}}).status, 400) << "no prompt";
  EXPECT_EQ(post(server(), "/img2img", small()).status, 400) << "no image";
}

TEST_F(OwnDialect, AModelIsOnlyWhatLiesInTheFolder) {
  for (const char* name : {"nothing", "../models/demo", "/etc/passwd", "..", "demo/../demo", ""}) {
    const Answer answer = post(server(), "/txt2img", small({{"model", name}}));
    EXPECT_EQ(answer.status, *name ? 404 : 200) << name << answer.body;
  }
  EXPECT_EQ(post(server(), "/txt2img", small({{"model_config", "/etc"}})).status, 400);
  EXPECT_EQ(post(server(), "/txt2img", small({{"model", "demo"}})).status, 200);
}

TEST_F(OwnDialect, APictureIsDrawnOverAnother) {
  Image white(64, 64, 3), mask(64, 64, 1);
  for (uint8_t& value : white.pixels) value = 255;
  for (int y = 0; y < 32; ++y)
    for (int x = 0; x < 64; ++x) *mask.at(x, y) = 255;
  const std::string picture = server::base64_encode(encode_image(white));
  const Answer over = post(server(), "/img2img", small({{"image", "data:image/png;base64," + picture}, {"strength", 1}}));
  ASSERT_EQ(over.status, 200) << over.body;
  EXPECT_NE(picture_of(over.body.at("images").at(0)), white);
  const nlohmann::json inpaint = small({{"operation", "image_inpaint"}, {"init_image", picture}, {"mask_image", server::base64_encode(encode_image(mask))}, {"mask_blur", 0}});
  const std::string id = post(server(), "/v1/jobs", inpaint).body.at("job_id");
  ASSERT_TRUE(eventually([&] { return get(server(), "/v1/jobs/" + id).body.at("status") == "completed"; })) << get(server(), "/v1/jobs/" + id).body;
  const auto file = server().client().Get("/v1/gallery/" + id + "-0/file");
  const Image drawn = decode_image({reinterpret_cast<const uint8_t*>(file->body.data()), file->body.size()});
  EXPECT_EQ(*drawn.at(20, 60), 255) << "black stays";
  for (const char* operation : {"image_transform", "image_inpaint", "image_magic"}) EXPECT_EQ(post(server(), "/v1/jobs", small({{"operation", operation}})).status, 400) << operation;
}

// Reads a stream until its end: the names of its events, and the data of the last one of each name.
struct Events {
  std::vector<std::string> names, ids;
  std::map<std::string, nlohmann::json> last;
  bool done = false;
};
Events read_stream(const TestServer& server, const std::string& path, const httplib::Headers& headers = {}) {
  const auto result = server.client().Get(path, headers);
  Events events;
  if (!result) return events;
  EXPECT_EQ(result->get_header_value("Content-Type"), "text/event-stream");
  std::istringstream in(result->body);
  std::string name;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("id: ")) events.ids.push_back(line.substr(4));
    if (line.starts_with("event: ")) events.names.push_back(name = line.substr(7));
    if (line == "data: [DONE]")
      events.done = true;
    else if (line.starts_with("data: "))
      events.last[name] = nlohmann::json::parse(line.substr(6));
  }
  return events;
}

TEST_F(OwnDialect, AJobStreamsProgressPreviewsAndThePicture) {
  const Answer job = post(server(), "/v1/jobs", small({{"operation", "ImageGeneration"}, {"steps", 4}, {"preview_every", 2}}));
  ASSERT_EQ(job.status, 202) << job.body;
  const std::string id = job.body.at("job_id"), stream = job.body.at("sse_url");
  const Events events = read_stream(server(), stream);
  EXPECT_TRUE(events.done);
  EXPECT_EQ(events.names.back(), "complete");
  EXPECT_EQ(events.last.at("progress").at("step"), 4);
  EXPECT_EQ(events.last.at("progress").at("total"), 4);
  EXPECT_EQ(events.last.at("progress").at("percent"), 100);
  EXPECT_GT(picture_of(events.last.at("preview").at("image")).width, 0);
  EXPECT_EQ(picture_of(events.last.at("complete").at("image")).width, 64);
  EXPECT_EQ(events.last.at("complete").at("seed"), 7);

  const Events rest = read_stream(server(), stream, {{"Last-Event-ID", events.ids.at(events.ids.size() - 2)}});
  EXPECT_EQ(rest.names, std::vector<std::string>{"complete"}) << "resumed where it broke off";
  const Answer status = get(server(), "/v1/jobs/" + id);
  EXPECT_EQ(status.body.at("status"), "completed");
  EXPECT_GT(status.body.at("timings").at("denoise_s"), 0);
  EXPECT_EQ(get(server(), "/v1/jobs?status=completed&limit=1").body.at("jobs").size(), 1u);
}

TEST_F(OwnDialect, AJobIsCancelledWhileItRunsAndWhileItWaits) {
  const nlohmann::json slow = small({{"width", 512}, {"height", 512}, {"steps", 100}});
  std::vector<std::string> in_hand;
  for (int i = 0; i < jobs_at_once; ++i) in_hand.push_back(post(server(), "/v1/jobs", slow).body.at("job_id"));
  const std::string running = in_hand[0], waiting = post(server(), "/v1/jobs", slow).body.at("job_id");
  for (const std::string& id : in_hand) ASSERT_TRUE(eventually([&] { return get(server(), "/v1/jobs/" + id).body.at("status") == "running"; }));
  EXPECT_EQ(get(server(), "/v1/jobs/" + waiting).body.at("queue_position"), 1);
  const auto cancel = [&](const std::string& id) { return answer_of(server().client().Delete("/v1/jobs/" + id)); };
  EXPECT_EQ(cancel(waiting).body.at("status"), "cancelled");
  for (const std::string& id : in_hand) EXPECT_EQ(cancel(id).status, 200);
  for (const std::string& id : in_hand) EXPECT_TRUE(eventually([&] { return get(server(), "/v1/jobs/" + id).body.at("status") == "cancelled"; }));
  EXPECT_EQ(cancel(running).status, 409);
  EXPECT_EQ(cancel("none").status, 404);
  EXPECT_EQ(read_stream(server(), "/v1/jobs/" + waiting + "/stream").names.back(), "error");
}

TEST_F(OwnDialect, AnInterruptedJobKeepsWhatItHas) {
  const std::string id = post(server(), "/v1/jobs", small({{"width", 512}, {"height", 512}, {"steps", 150}, {"preview_every", 0}})).body.at("job_id");
  ASSERT_TRUE(eventually([&] { return get(server(), "/v1/jobs/" + id).body.value("/progress/step"_json_pointer, 0) > 0; }));
  EXPECT_EQ(post(server(), "/v1/jobs/" + id + "/interrupt", {}).status, 200);
  EXPECT_EQ(read_stream(server(), "/v1/jobs/" + id + "/stream").names.back(), "complete");
  const Answer ended = get(server(), "/v1/jobs/" + id);
  EXPECT_EQ(ended.body.at("status"), "completed");
  EXPECT_EQ(ended.body.at("images").size(), 1u);
  EXPECT_EQ(post(server(), "/v1/jobs/" + id + "/interrupt", {}).status, 409);
}

TEST_F(OwnDialect, WhatIsLeftOpenIsTheModelsOwnWhereTheCallerSaysSo) {
  const auto used = [&](const nlohmann::json& body) {
    const std::string id = post(server(), "/v1/jobs", body).body.at("job_id");
    EXPECT_TRUE(eventually([&] { return get(server(), "/v1/jobs/" + id).body.at("status") == "completed"; })) << get(server(), "/v1/jobs/" + id).body;
    return get(server(), "/v1/jobs/" + id).body.at("request");
  };
  EXPECT_EQ(used({{"prompt", "a fox"}, {"width", 64}, {"height", 64}, {"steps", 1}}).at("guidance_scale"), "7.5");
  const nlohmann::json own = used({{"prompt", "a fox"}, {"defaults", "model"}, {"steps", 1}});
  EXPECT_NE(own.at("width"), "512") << "the built-in model draws smaller pictures";
  const std::string picture = server::base64_encode(encode_image(Image(72, 64, 3)));
  EXPECT_EQ(used({{"prompt", "a fox"}, {"defaults", "model"}, {"steps", 2}, {"init_image", picture}}).at("width"), "72") << "as the picture";
  const std::string large = server::base64_encode(encode_image(Image(4096, 2048, 3)));
  EXPECT_EQ(post(server(), "/v1/jobs", {{"prompt", "a fox"}, {"defaults", "model"}, {"init_image", large}}).status, 400) << "too many pixels";
  EXPECT_EQ(post(server(), "/v1/jobs", small({{"defaults", "mine"}})).status, 400);
}

TEST_F(OwnDialect, ACallerWhoGoesAwayCancelsHisCall) {
  {
    httplib::Client impatient("127.0.0.1", server().port());
    impatient.set_read_timeout(0, 300000);
    EXPECT_FALSE(impatient.Post("/txt2img", small({{"width", 512}, {"height", 512}, {"steps", 100}, {"prompt", "left alone"}}).dump(), "application/json"));
  }
  EXPECT_TRUE(eventually([&] {
    const Answer last = get(server(), "/v1/jobs?limit=1");
    return last.body.at("jobs").at(0).at("status") == "cancelled";
  }));
}

TEST_F(OwnDialect, TheGalleryFindsMarksAndDeletes) {
  ASSERT_EQ(post(server(), "/txt2img", small({{"prompt", "zebra 100% _x_ on a hill"}})).status, 200);
  ASSERT_EQ(post(server(), "/txt2img", small({{"prompt", "zebra in the sea"}})).status, 200);
  const auto search = [&](const std::string& query) { return get(server(), "/v1/gallery?search=" + query).body.at("total").get<int>(); };
  EXPECT_EQ(search("zebra"), 2);
  EXPECT_EQ(search("hill%20ZEBRA"), 1);
  EXPECT_EQ(search("100%25"), 1);
  EXPECT_EQ(search("_x_"), 1);
  EXPECT_EQ(search("giraffe"), 0);
  const nlohmann::json first = get(server(), "/v1/gallery?search=zebra&limit=1").body.at("pictures").at(0);
  EXPECT_EQ(first.at("prompt"), "zebra in the sea") << "newest first";
  EXPECT_EQ(first.at("fields").at("Steps"), "2");
  const std::string path = "/v1/gallery/" + first.at("id").get<std::string>();
  auto client = server().client();
  const auto file = client.Get(path + "/file");
  EXPECT_EQ(file->get_header_value("Content-Type"), "image/png");
  EXPECT_NE(read_parameters({reinterpret_cast<const uint8_t*>(file->body.data()), file->body.size()}).find("zebra in the sea"), std::string::npos);
  EXPECT_EQ(answer_of(client.Patch(path, R"({"favourite":true})", "application/json")).body.at("favourite"), true);
  EXPECT_EQ(get(server(), "/v1/gallery?favourites=true").body.at("total"), 1);
  EXPECT_EQ(answer_of(client.Delete(path)).status, 200);
  EXPECT_EQ(answer_of(client.Delete(path)).status, 404);
  EXPECT_EQ(client.Get(path + "/file")->status, 404);
  EXPECT_EQ(search("zebra"), 1);
}

TEST_F(OwnDialect, EveryRouteIsDescribed) {
  const nlohmann::json description = get(server(), "/openapi.json").body;
  for (const char* path : {"/txt2img", "/v1/jobs/{id}/stream", "/metrics", "/v1/gallery/{id}"}) EXPECT_TRUE(description.at("paths").contains(path)) << path;
  const nlohmann::json properties = description.at("components").at("schemas").at("Picture").at("properties");
  EXPECT_EQ(properties.at("steps").at("type"), "integer");
  EXPECT_EQ(properties.at("steps").at("minimum"), 1);
  EXPECT_EQ(properties.at("guidance_scale").at("type"), "number");
  EXPECT_EQ(properties.at("controls").at("items").at("type"), "object");
  EXPECT_TRUE(properties.contains("vae")) << "by name";
  EXPECT_FALSE(properties.contains("styles_file")) << "a file of the server";
  for (const auto& [path, operations] : description.at("paths").items())
    for (const auto& [method, operation] : operations.items()) {
      EXPECT_TRUE(operation.at("responses").at("default").at("content").at("application/json").contains("example")) << path;
      EXPECT_EQ(operation.at("responses").size(), 2u) << path;
      EXPECT_EQ(operation.contains("requestBody") && method == "get", false) << path;
    }
  for (const server::RouteDetails& row : server::route_details()) {
    const size_t space = row.route.find(' ');
    EXPECT_TRUE(description.at("paths").value(row.route.substr(space + 1), nlohmann::json::object()).contains(lower_ascii(row.route.substr(0, space)))) << row.route;
  }
  EXPECT_EQ(description.at("paths").at("/sdapi/v1/progress").at("get").at("parameters").at(0).at("name"), "skip_current_image");
  EXPECT_TRUE(description.at("paths").at("/v1/jobs").at("post").at("responses").contains("202"));
  auto client = server().client();
  EXPECT_NE(client.Get("/docs")->body.find("/v1/jobs/{id}"), std::string::npos);
  EXPECT_NE(client.Get("/metrics")->body.find("\nimagent_queue_waiting "), std::string::npos);
  EXPECT_NE(client.Get("/")->body.find("<title>imagent</title>"), std::string::npos);
  EXPECT_EQ(client.Head("/")->status, 200);
  EXPECT_FALSE(get(server(), "/v1/capabilities").body.at("samplers").empty());
  EXPECT_EQ(get(server(), "/v1/capabilities").body.at("device").at("name"), "cpu");
}

}  // namespace
}  // namespace imagent::test
