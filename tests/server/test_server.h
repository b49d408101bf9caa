// A server on a free port of the loopback with the built-in model, and calls to it.
#pragma once
#include <gtest/gtest.h>
#include <httplib.h>

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include "cli/spawn.h"
#include "image/codec.h"
#include "server/base64.h"
#include "server/image_server.h"
#include "support/golden.h"

namespace imagent::test {

inline bool eventually(const std::function<bool()>& ready, double seconds = 60) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < until) {
    if (ready()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

constexpr int jobs_at_once = 4;

class TestServer {
 public:
  explicit TestServer(const std::function<void(server::ServeOptions&)>& change = {}) {
    server::ServeOptions options;
    options.http.port = 0;
    options.data_folder = scratch_.path();
    options.engine.builtin_model = source_dir() / "models/demo";
    options.engine.shared_pictures = options.jobs_at_once = jobs_at_once;
    if (change) change(options);
    server_ = std::make_unique<server::ImageServer>(std::move(options));
    port_ = server_->start();
  }

  int port() const { return port_; }
  httplib::Client client() const {
    httplib::Client client("127.0.0.1", port_);
    client.set_read_timeout(120);
    return client;
  }
  void stop() { server_->stop(); }
  const Scratch& folder() const { return scratch_; }

 private:
  Scratch scratch_;
  std::unique_ptr<server::ImageServer> server_;
  int port_ = 0;
};

// One server for all tests of a suite: starting is cheap, loading the model is not. Suite: who derives from it.
template <class Suite>
class OneServer : public testing::Test {
 protected:
  static void start(const std::function<void(server::ServeOptions&)>& change = {}) { server_ = std::make_unique<TestServer>(change); }
  static void SetUpTestSuite() { start(); }
  static void TearDownTestSuite() { server_.reset(); }
  static TestServer& server() { return *server_; }

 private:
  inline static std::unique_ptr<TestServer> server_;
};

inline Image picture_of(const std::string& base64) { return decode_image(server::base64_decode(base64, "picture")); }

struct Answer {
  int status = 0;
  nlohmann::json body;
  httplib::Headers headers;
};

inline Answer answer_of(const httplib::Result& result) {
  if (!result) return {-1, httplib::to_string(result.error()), {}};
  return {result->status, nlohmann::json::parse(result->body, nullptr, false), result->headers};
}
inline Answer get(const TestServer& server, const std::string& path, const httplib::Headers& headers = {}) { return answer_of(server.client().Get(path, headers)); }
inline Answer post(const TestServer& server, const std::string& path, const nlohmann::json& body, const httplib::Headers& headers = {}) {
  return answer_of(server.client().Post(path, headers, body.dump(), "application/json"));
}
inline Answer post_text(const TestServer& server, const std::string& path, const std::string& body) {
  return answer_of(server.client().Post(path, body, "application/json"));
}

// A small picture's request: the demo model at 64x64 in 2 steps.
inline nlohmann::json small(nlohmann::json more = nlohmann::json::object()) {
  nlohmann::json body = {{"prompt", "a red house"}, {"width", 64}, {"height", 64}, {"steps", 2}, {"seed", 7}};
  body.update(more);
  return body;
}

}  // namespace imagent::test
