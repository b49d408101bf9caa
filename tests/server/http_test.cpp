// The HTTP side under bad input and bad manners: each gets its status in the right shape, and the server stays healthy.
#include <gtest/gtest.h>

#include "server/raw_connection.h"
#include "server/test_server.h"

namespace imagent::test {
namespace {

class Http : public OneServer<Http> {
 protected:
  static void SetUpTestSuite() {
    start([](server::ServeOptions& options) {
      options.http.limits = {.head = std::chrono::milliseconds(600), .body = std::chrono::milliseconds(1500), .idle = std::chrono::milliseconds(3000), .body_bytes = 1 << 20};
    });
  }
  void TearDown() override { EXPECT_EQ(get(server(), "/health").status, 200) << "still healthy"; }
};

bool is_refusal(const std::string& answer, const std::string& status) { return answer.starts_with("HTTP/1.1 " + status) && answer.find("\"error\"") != std::string::npos; }

TEST_F(Http, MalformedBodiesAreBadRequests) {
  const std::string deep(100000, '[');
  for (const std::string& body : {std::string("{"), std::string("[]"), std::string("\"text\""), std::string("{\"prompt\": \"\xff\xfe\"}"), deep, std::string("{\"a\":") + deep, std::string("\0", 1)}) {
    const Answer answer = post_text(server(), "/txt2img", body);
    EXPECT_EQ(answer.status, 400) << body.substr(0, 40);
    EXPECT_TRUE(answer.body.at("error").contains("message"));
  }
}

TEST_F(Http, UnknownPathsAndMethodsHaveTheirDialectsShape) {
  EXPECT_EQ(get(server(), "/nothing").status, 404);
  EXPECT_EQ(get(server(), "/sdapi/v1/nothing").body.at("detail"), "Not Found");
  EXPECT_TRUE(get(server(), "/v1/images/nothing").body.at("error").contains("type"));
  const Answer method = get(server(), "/txt2img");
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(method.headers.find("Allow")->second, "POST");
  for (const char* path : {"/..%2f..%2fetc/passwd", "/v1/gallery/..%2f..%2fimagent.db/file", "/v1/gallery/%00/file", "/v1/jobs/%0a", "/v1//jobs"})
    EXPECT_EQ(get(server(), path).status, 404) << path;
  EXPECT_EQ(get(server(), "/" + std::string(5000, 'a')).status, 414);
}

TEST_F(Http, LargeThingsAreRefusedWhateverTheyClaim) {
  EXPECT_EQ(post_text(server(), "/txt2img", std::string(2 << 20, ' ')).status, 413);
  Raw claims(server().port());
  claims.send("POST /txt2img HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999\r\n\r\n");
  EXPECT_TRUE(is_refusal(claims.answer(), "413"));
  Raw chunked(server().port());
  chunked.send("POST /txt2img HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 40; ++i) chunked.send("10000\r\n" + std::string(65536, ' ') + "\r\n");
  EXPECT_TRUE(is_refusal(chunked.answer(), "413"));
  Raw headers(server().port());
  headers.send("GET /health HTTP/1.1\r\n");
  for (int i = 0; i < 100; ++i) headers.send("X-Header-" + std::to_string(i) + ": " + std::string(1000, 'x') + "\r\n");
  EXPECT_TRUE(is_refusal(headers.answer(), "413"));
}

TEST_F(Http, SlowAndSilentCallersAreSentAway) {
  Raw slow(server().port()), silent(server().port()), body(server().port());
  body.send("POST /txt2img HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{");
  slow.send("GET /health HTTP/1.1\r\n");
  for (int i = 0; i < 20; ++i) {
    slow.send("X: y\r\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_TRUE(is_refusal(slow.answer(), "408"));
  EXPECT_TRUE(is_refusal(body.answer(), "408"));
  EXPECT_EQ(silent.answer(), "");
}

TEST_F(Http, HalfOpenConnectionsAreAnswered) {
  Raw half(server().port());
  half.send("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  half.half_close();
  EXPECT_TRUE(half.answer().starts_with("HTTP/1.1 200"));
  Raw cut(server().port());
  cut.send("POST /txt2img HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"prom");
  cut.half_close();
  EXPECT_TRUE(is_refusal(cut.answer(), "400"));
}

TEST_F(Http, WhatIsNotHttpIsRefused) {
  for (const std::string& garbage : {std::string("\x16\x03\x01\x02\x01\r\n\r\n"), std::string("GET\r\n\r\n"), std::string("GET / HTTP/9.9\r\n\r\n"), std::string("BREW /health HTTP/1.1\r\n\r\n")}) {
    Raw raw(server().port());
    raw.send(garbage);
    const std::string answer = raw.answer();
    EXPECT_TRUE(is_refusal(answer, "400") || is_refusal(answer, "405")) << answer;
  }
  Raw length(server().port());
  length.send("POST /txt2img HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n");
  EXPECT_TRUE(is_refusal(length.answer(), "400"));
}

TEST_F(Http, ACompressedBodyOrAThousandRangesCostNothing) {
  const std::string gzip = "\x1f\x8b";
  EXPECT_EQ(answer_of(server().client().Post("/txt2img", {{"Content-Encoding", "gzip"}}, gzip, "application/json")).status, 415);
  std::string ranges = "bytes=0-0";
  for (int i = 0; i < 1000; ++i) ranges += ",0-1";
  auto client = server().client();
  const auto answer = client.Get("/docs", {{"Range", ranges}});
  EXPECT_EQ(answer->status, 200);
}

TEST_F(Http, ForeignPagesMayNotCall) {
  EXPECT_EQ(get(server(), "/health", {{"Origin", "https://evil.example"}}).status, 403);
  EXPECT_EQ(get(server(), "/health", {{"Host", "evil.example"}}).status, 403);
  const std::string own = "127.0.0.1:" + std::to_string(server().port());
  const Answer answer = get(server(), "/health", {{"Host", own}, {"Origin", "http://" + own}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.count("Access-Control-Allow-Origin"), 0u);
}

TEST_F(Http, LongPromptsAndGarbagePicturesAreTakenOrRefusedInASentence) {
  EXPECT_EQ(post(server(), "/txt2img", small({{"prompt", std::string(10000, 'a')}})).status, 200);
  EXPECT_EQ(post(server(), "/txt2img", small({{"prompt", std::string(200000, 'a')}})).status, 400);
  for (const char* picture : {"!!!!", "aGVsbG8=", "data:image/png,abc", "http://example.org/a.png", "file:///etc/passwd"}) {
    const Answer answer = post(server(), "/img2img", small({{"image", picture}}));
    EXPECT_EQ(answer.status, 422) << picture << answer.body;
  }
}

TEST_F(Http, ManyWatchersHoldUpNobody) {
  const std::string id = post(server(), "/v1/jobs", small({{"width", 512}, {"height", 512}, {"steps", 100}})).body.at("job_id");
  std::vector<std::unique_ptr<Raw>> watchers;
  for (int i = 0; i < 200; ++i) {
    watchers.push_back(std::make_unique<Raw>(server().port()));
    watchers.back()->send("GET /v1/jobs/" + id + "/stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(get(server(), "/health").status, 200);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(answer_of(server().client().Delete("/v1/jobs/" + id)).status, 200);
  for (const auto& watcher : watchers) {
    watcher->half_close();
  }
}

TEST(HttpAccess, KeysAndPasswordsOpenTheDoor) {
  const TestServer server([](server::ServeOptions& options) {
    options.http.api_auth = "anna:secret:word";
    options.http.api_key = "key";
  });
  const auto status = [&](const std::string& authorization) { return get(server, "/v1/jobs", {{"Authorization", authorization}}).status; };
  EXPECT_EQ(status("Basic YW5uYTpzZWNyZXQ6d29yZA=="), 200);
  EXPECT_EQ(status("Bearer key"), 200);
  EXPECT_EQ(status("bearer key"), 200);
  for (const char* wrong : {"", "Basic", "Basic !!", "Basic YW5uYTpzZWNyZXQ=", "Bearer", "Bearer ", "Bearer keys", "Digest key", "key"}) EXPECT_EQ(status(wrong), 401) << wrong;
  const Answer refused = get(server, "/v1/jobs");
  EXPECT_EQ(refused.headers.find("WWW-Authenticate")->second, "Basic realm=\"imagent\"");
  EXPECT_EQ(get(server, "/health").status, 200);
}

TEST(HttpAccess, CorsOpensForOneOrigin) {
  const TestServer server([](server::ServeOptions& options) { options.http.cors = "https://page.example"; });
  const Answer good = get(server, "/health", {{"Origin", "https://page.example"}});
  EXPECT_EQ(good.status, 200);
  EXPECT_EQ(good.headers.find("Access-Control-Allow-Origin")->second, "https://page.example");
  EXPECT_EQ(get(server, "/health", {{"Origin", "https://other.example"}}).status, 403);
  auto client = server.client();
  const auto preflight = client.Options("/txt2img", {{"Origin", "https://page.example"}});
  EXPECT_EQ(preflight->status, 204);
  EXPECT_EQ(preflight->get_header_value("Access-Control-Allow-Methods"), "POST");
}

TEST(HttpAccess, AFullQueueSaysSo) {
  const TestServer server([](server::ServeOptions& options) {
    options.queue.max_waiting = 1;
    options.jobs_at_once = 1;
  });
  const nlohmann::json slow = small({{"width", 512}, {"height", 512}, {"steps", 100}});
  const std::string running = post(server, "/v1/jobs", slow).body.at("job_id");
  ASSERT_TRUE(eventually([&] { return get(server, "/v1/jobs/" + running).body.at("status") == "running"; }));
  EXPECT_EQ(post(server, "/v1/jobs", slow).status, 202);
  const Answer full = post(server, "/v1/jobs", slow);
  EXPECT_EQ(full.status, 429);
  EXPECT_EQ(full.headers.count("Retry-After"), 1u);
}

}  // namespace
}  // namespace imagent::test
