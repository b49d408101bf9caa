// Models from a hub: fetched when the server allows it, watched, cancelled, and then drawn with.
#include <gtest/gtest.h>

#include "hub/fake_hub.h"
#include "server/test_server.h"

namespace imagent::test {
namespace {

using nlohmann::json;

struct Downloads : testing::Test {
  static void SetUpTestSuite() { ::setenv("no_proxy", "127.0.0.1", 1); }
  FakeHub hub;
  TemporaryFolder cache;
  std::unique_ptr<TestServer> server;

  void start(bool allowed = true) {
    server = std::make_unique<TestServer>([&](server::ServeOptions& options) {
      options.places.hub = hub.settings(cache.path);
      options.allow_downloads = allowed;
    });
  }
  json status(const std::string& id) { return get(*server, "/v1/pulls/" + id).body; }
  bool ends_as(const std::string& id, const std::string& state) {
    return eventually([&] { return status(id).at("status") == state; });
  }
};

TEST_F(Downloads, AModelIsFetchedListedAndDrawnWith) {
  hub.add_folder(golden("models/sd15-tiny"));
  start();
  EXPECT_EQ(get(*server, "/v1/capabilities").body.at("downloads"), true);
  EXPECT_EQ(post(*server, "/txt2img", small({{"model", "org/model"}})).status, 404) << "a request by itself fetches nothing";
  const Answer answer = post(*server, "/v1/models/pull", {{"name", "org/model"}});
  ASSERT_EQ(answer.status, 202) << answer.body;
  const std::string id = answer.body.at("id");
  const auto stream = server->client().Get(answer.body.at("sse_url").get<std::string>());
  EXPECT_NE(stream->body.find("event: progress\n"), std::string::npos);
  EXPECT_NE(stream->body.find("\"percent\":100.0"), std::string::npos) << stream->body;
  EXPECT_NE(stream->body.find("event: complete\n"), std::string::npos);
  EXPECT_TRUE(stream->body.ends_with("data: [DONE]\n\n"));
  EXPECT_EQ(status(id).at("status"), "completed");
  EXPECT_EQ(get(*server, "/v1/pulls").body.at("pulls").size(), 1u);
  EXPECT_EQ(get(*server, "/v1/capabilities").body.at("models"), (json{"demo", "org/model"}));
  EXPECT_EQ(post(*server, "/txt2img", small({{"model", "org/model"}})).status, 200);
}

TEST_F(Downloads, AreCancelledAndGoOn) {
  hub.add_pipeline();
  std::atomic<bool> slow = true;
  hub.tamper = [&](const FakeRequest& request, FakeReply& reply) {
    if (request.content_network && slow) reply.pause = 0.02;
  };
  start();
  const std::string id = post(*server, "/v1/models/pull", {{"name", "org/model"}}).body.at("id");
  EXPECT_EQ(post(*server, "/v1/models/pull", {{"name", "org/model"}}).body.at("id"), id) << "it is on its way already";
  ASSERT_TRUE(eventually([&] { return status(id).at("progress").at("done") > 20000; }));
  EXPECT_EQ(answer_of(server->client().Delete("/v1/pulls/" + id)).status, 200);
  EXPECT_TRUE(ends_as(id, "cancelled"));
  EXPECT_EQ(answer_of(server->client().Delete("/v1/pulls/" + id)).status, 409);
  const auto stream = server->client().Get("/v1/pulls/" + id + "/stream");
  EXPECT_NE(stream->body.find("event: error\n"), std::string::npos) << stream->body;
  slow = false;
  const std::string again = post(*server, "/v1/models/pull", {{"name", "org/model"}}).body.at("id");
  EXPECT_NE(again, id);
  EXPECT_TRUE(ends_as(again, "completed"));
}

TEST_F(Downloads, ASlowOneDoesNotHoldUpTheEndOfTheServer) {
  hub.add_pipeline();
  hub.tamper = [](const FakeRequest& request, FakeReply& reply) {
    if (request.content_network) reply.pause = 0.5;
  };
  start();
  const std::string id = post(*server, "/v1/models/pull", {{"name", "org/model"}}).body.at("id");
  ASSERT_TRUE(eventually([&] { return status(id).at("status") == "running"; }));
  const auto begin = std::chrono::steady_clock::now();
  server.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST_F(Downloads, OnlyNamesOfTheHub) {
  hub.add_pipeline();
  start();
  for (const char* name : {"", "x", "../x", "/etc/passwd", "org/../x", "http://example.org/a", "org/model@../x", "org/model/../../x"})
    EXPECT_EQ(post(*server, "/v1/models/pull", {{"name", name}}).status, 400) << name;
  EXPECT_EQ(post(*server, "/v1/models/pull", json::object()).status, 400);
  EXPECT_EQ(get(*server, "/v1/pulls/none").status, 404);
  EXPECT_TRUE(hub.requests().empty());
  const std::string id = post(*server, "/v1/models/pull", {{"name", "org/nothing"}}).body.at("id");
  ASSERT_TRUE(ends_as(id, "failed"));
  EXPECT_FALSE(status(id).at("error").at("message").get<std::string>().empty());
}

TEST_F(Downloads, AreRefusedWhereTheServerDoesNotAllowThem) {
  start(false);
  EXPECT_EQ(post(*server, "/v1/models/pull", {{"name", "org/model"}}).status, 403);
  EXPECT_EQ(get(*server, "/v1/pulls").body.at("pulls").size(), 0u);
  EXPECT_TRUE(hub.requests().empty());
}

}  // namespace
}  // namespace imagent::test
