// Pulling from a fake hub: what is asked for, what lies in the cache afterwards, what the callers hear.
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include "hub/cache.h"
#include "hub/fake_hub.h"
#include "hub/model_files.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

struct PullTest : testing::Test {
  static void SetUpTestSuite() {
    ::setenv("no_proxy", "127.0.0.1", 1);
  }
  FakeHub hub;
  TemporaryFolder folder;
  FakeClock time;
  HubSettings settings = hub.settings(folder.path);
  PullOptions options{.clock = time.clock()};
  fs::path model = folder.path / "models--org--model";

  std::string ask(const std::string& name = "org/model") { return pull_error(settings, name, options).text; }
  void expect_whole(const fs::path& snapshot) {
    EXPECT_EQ(missing_files(snapshot), std::vector<std::string>{});
    EXPECT_EQ(read_bytes(snapshot / "unet/diffusion_pytorch_model.safetensors"), some_bytes(200000));
    EXPECT_EQ(read_bytes(snapshot / "text_encoder/model.safetensors"), some_bytes(20000));
    for (const auto& entry : fs::directory_iterator(model / "blobs")) EXPECT_NE(entry.path().extension(), ".incomplete") << entry.path();
  }
};

TEST_F(PullTest, LaysTheCacheOutAsTheOtherClientsDo) {
  hub.add_pipeline();
  const fs::path snapshot = pull_model(settings, "org/model", options);
  EXPECT_EQ(snapshot, model / "snapshots" / FakeHub::commit);
  expect_whole(snapshot);
  EXPECT_EQ(read_bytes(model / "refs/main"), FakeHub::commit);
  const fs::path link = fs::read_symlink(snapshot / "unet/config.json");
  EXPECT_TRUE(link.string().starts_with("../../../blobs/")) << link;
  EXPECT_EQ(link.filename().string().size(), 40u);   // git's name
  EXPECT_EQ(fs::read_symlink(snapshot / "unet/diffusion_pytorch_model.safetensors").filename().string().size(), 64u);
  EXPECT_TRUE(fs::read_symlink(snapshot / "model_index.json").string().starts_with("../../blobs/"));
  EXPECT_TRUE(fs::exists(folder / ".locks/models--org--model" / (link.filename().string() + ".lock")));
  EXPECT_TRUE(read_bytes(folder / "CACHEDIR.TAG").starts_with("Signature: 8a477f597d28d172789f06886806bc55"));
  EXPECT_FALSE(fs::exists(snapshot / "README.md"));
  EXPECT_FALSE(fs::exists(snapshot / "safety_checker"));
}

TEST_F(PullTest, ASecondPullAsksForTheListOnly) {
  hub.add_pipeline();
  pull_model(settings, "org/model", options);
  const size_t before = hub.requests().size();
  pull_model(settings, "org/model", options);
  EXPECT_EQ(hub.requests().size(), before + 1);
}

TEST_F(PullTest, TheTokenStaysWithTheHub) {
  hub.add_pipeline();
  settings.token = "hf_secret";
  pull_model(settings, "org/model", options);
  size_t content = 0;
  for (const FakeRequest& request : hub.requests()) {
    EXPECT_EQ(request.headers.count("authorization"), request.content_network ? 0u : 1u) << request.target;
    if (request.headers.count("authorization")) { EXPECT_EQ(request.headers.at("authorization"), "Bearer hf_secret"); }
    content += request.content_network;
  }
  EXPECT_EQ(content, 3u);
}

TEST_F(PullTest, RevisionsAreQuotedAndRemembered) {
  hub.add_pipeline();
  pull_model(settings, "org/model@refs/pr/1", options);
  EXPECT_EQ(read_bytes(model / "refs/refs/pr/1"), FakeHub::commit);
  EXPECT_TRUE(find_cached_model(settings, "org/model@refs/pr/1"));
  EXPECT_TRUE(find_cached_model(settings, std::string("org/model@") + FakeHub::commit));
  EXPECT_FALSE(find_cached_model(settings, "org/model"));
}

TEST_F(PullTest, HalfPrecisionIsTakenWhenWantedAndThere) {
  hub.add_pipeline();
  hub.add("unet/diffusion_pytorch_model.fp16.safetensors", some_bytes(999), true);
  options.prefer_half = true;
  const fs::path snapshot = pull_model(settings, "org/model", options);
  EXPECT_TRUE(fs::exists(snapshot / "unet/diffusion_pytorch_model.fp16.safetensors"));
  EXPECT_FALSE(fs::exists(snapshot / "unet/diffusion_pytorch_model.safetensors"));
  EXPECT_TRUE(fs::exists(snapshot / "vae/diffusion_pytorch_model.safetensors"));
}

TEST_F(PullTest, OneNamedFile) {
  hub.add("loras/style.safetensors", "weights", true);
  EXPECT_EQ(read_bytes(pull_model(settings, "org/model/loras/style.safetensors", options)), "weights");
}

TEST_F(PullTest, ProgressEndsAtTheWholeSize) {
  hub.add_pipeline();
  PullProgress last;
  int calls = 0;
  options.progress = [&](const PullProgress& progress) {
    EXPECT_GE(progress.done, last.done);
    last = progress;
    ++calls;
  };
  pull_model(settings, "org/model", options);
  EXPECT_EQ(last.done, last.total);
  EXPECT_GT(last.total, 250000u);
  EXPECT_EQ(last.files_done, 10);
  EXPECT_EQ(last.files, 10);
  EXPECT_GE(calls, 10);
}

TEST_F(PullTest, OfflineFromTheCacheWithoutARequest) {
  hub.add_pipeline();
  const fs::path snapshot = pull_model(settings, "org/model", options);
  const size_t before = hub.requests().size();
  settings.offline = true;
  EXPECT_EQ(pull_model(settings, "org/model", options), snapshot);
  EXPECT_NE(ask("org/other").find("is not in the cache"), std::string::npos);
  fs::remove(snapshot / "vae/config.json");
  const Error error = pull_error(settings, "org/model", options);
  EXPECT_EQ(error.kind, ErrorKind::model);
  EXPECT_NE(error.text.find("missing: vae/config.json"), std::string::npos) << error.text;
  EXPECT_EQ(hub.requests().size(), before);
}

TEST_F(PullTest, WhenTheHubIsDownTheCacheServes) {
  hub.add_pipeline();
  const fs::path snapshot = pull_model(settings, "org/model", options);
  hub.tamper = [](const FakeRequest&, FakeReply& reply) { reply = {.status = 503}; };
  std::string note;
  options.note = [&](const std::string& line) { note = line; };
  const double before = time.slept();   // for equal files, one of which waits for the other
  EXPECT_EQ(pull_model(settings, "org/model", options), snapshot);
  EXPECT_NE(note.find("503"), std::string::npos);
  EXPECT_NEAR(time.slept() - before, 1 + 2 + 4 + 8 + 8, 0.01);
}

TEST_F(PullTest, CancelStopsInTheMiddleAndTheNextPullGoesOn) {
  hub.add_pipeline();
  std::atomic<bool> cancel{false};
  hub.tamper = [](const FakeRequest& request, FakeReply& reply) {
    if (request.content_network) reply.pause = 0.005;
  };
  options.cancel = &cancel;
  options.clock = steady_clock();
  options.progress = [&](const PullProgress& progress) { cancel = progress.done > 20000; };
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(pull_error(settings, "org/model", options).kind, ErrorKind::cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_FALSE(fs::exists(model / "refs/main"));
  EXPECT_FALSE(find_cached_model(settings, std::string("org/model@") + FakeHub::commit));
  options = {.clock = time.clock()};
  hub.tamper = {};
  expect_whole(pull_model(settings, "org/model", options));
  size_t ranged = 0;
  for (const FakeRequest& request : hub.requests()) ranged += request.headers.count("range");
  EXPECT_GE(ranged, 1u);
}

TEST_F(PullTest, TwoProcessesLoadEveryFileOnce) {
  hub.add_pipeline();
  hub.tamper = [](const FakeRequest& request, FakeReply& reply) {
    if (request.content_network) reply.pause = 0.001;
  };
  std::vector<pid_t> children;
  for (int i = 0; i < 2; ++i) {
    children.push_back(::fork());
    if (children.back() == 0) {
      ::alarm(15);
      ::_exit(pull_error(settings, "org/model", {}).text == "nothing was thrown" ? 0 : 1);
    }
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  expect_whole(model / "snapshots" / FakeHub::commit);
  size_t content = 0;
  for (const FakeRequest& request : hub.requests()) content += request.content_network;
  EXPECT_EQ(content, 3u);
}

TEST_F(PullTest, ThreadsLoadTheSameModelAtOnce) {
  hub.add_pipeline();
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back([&] { EXPECT_EQ(pull_error(settings, "org/model", {}).text, "nothing was thrown"); });
  for (std::thread& thread : threads) thread.join();
  expect_whole(model / "snapshots" / FakeHub::commit);
}

TEST_F(PullTest, WithoutLinksFilesLieInTheSnapshot) {
  hub.add_pipeline();
  settings.symlinks = false;
  const fs::path snapshot = pull_model(settings, "org/model", options);
  expect_whole(snapshot);
  EXPECT_FALSE(fs::is_symlink(snapshot / "unet/config.json"));
}

TEST_F(PullTest, ProxiesOfTheEnvironmentAreUsed) {
  hub.add_pipeline();
  ::setenv("http_proxy", hub.endpoint().c_str(), 1);
  settings.endpoint = "http://hub.invalid";
  EXPECT_NE(ask().find("no repository"), std::string::npos);   // the fake hub does not know the absolute form
  EXPECT_EQ(hub.count("GET", "http://hub.invalid/api/models/org/model"), 1u);
  ::unsetenv("http_proxy");
}

}  // namespace
}  // namespace imagent::test
