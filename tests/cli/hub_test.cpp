// The built program and a fake hub: drawing with a model of the hub, and each of the faults with its exit code.
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <csignal>

#include "cli/spawn.h"
#include "hub/fake_hub.h"
#include "support/golden.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

struct HubProgramTest : testing::Test {
  FakeHub hub;
  Scratch scratch;
  std::map<std::string, std::string> variables = {{"HF_ENDPOINT", hub.endpoint()}, {"HF_HUB_CACHE", (scratch / "cache").string()}, {"HOME", scratch.path().string()},
                                                  {"no_proxy", "127.0.0.1"}, {"IMAGENT_HUB_RETRIES", "0"}};
  fs::path model = scratch / "cache/models--org--model";

  Finished call(const Words& words) const { return run(words, {.variables = variables}); }
  Finished pull(const Words& more = {}) const {
    Words words = {"models", "pull", "org/model"};
    words.insert(words.end(), more.begin(), more.end());
    return call(words);
  }
  // A small picture without its parameters, so that pictures can be compared.
  Finished draw(const std::string& name, const std::string& output, const Words& more = {}) const {
    Words words = {"txt2img", "-m", name, "-p", "a red house", "-W", "64", "-H", "64", "--steps", "2", "-s", "5", "--no-metadata", "-o", (scratch / output).string()};
    words.insert(words.end(), more.begin(), more.end());
    return call(words);
  }
  std::string file(const std::string& name) const { return read_bytes(scratch / name); }

  // One line that says so, that exit code, and nothing in the cache that passes for a model.
  void expect_fault(const Finished& done, int code, const std::string& says) const {
    EXPECT_EQ(done.code, code) << done.err;
    EXPECT_EQ(done.out, "");
    const size_t line = done.err.find("imagent: ");
    ASSERT_NE(line, std::string::npos) << done.err;
    EXPECT_EQ(done.err.find('\n', line), done.err.size() - 1) << done.err;
    EXPECT_NE(done.err.find(says, line), std::string::npos) << done.err;
    EXPECT_FALSE(find_cached_model(hub.settings(scratch / "cache"), "org/model"));
  }
  void answer_all(FakeReply with) {
    hub.tamper = [with](const FakeRequest&, FakeReply& reply) { reply = with; };
  }
};

TEST_F(HubProgramTest, DrawsWithAModelOfTheHubAndThenOffline) {
  const fs::path folder = golden("models/sd15-tiny");
  hub.add_folder(folder);
  const Finished first = draw("org/model", "a.png", {"--progress", "plain"});
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(first.out, (scratch / "a.png").string() + " seed 5\n");
  EXPECT_NE(first.err.find("downloaded "), std::string::npos) << first.err;
  EXPECT_NE(first.err.find(" (100 %)"), std::string::npos) << first.err;
  const size_t requests = hub.requests().size();
  ASSERT_EQ(draw("org/model", "b.png").code, 0);
  const Finished offline = draw("org/model@main", "c.png", {"--offline"});
  ASSERT_EQ(offline.code, 0) << offline.err;
  ASSERT_EQ(draw(folder.string(), "d.png").code, 0);
  EXPECT_EQ(hub.requests().size(), requests);
  for (const char* name : {"b.png", "c.png", "d.png"}) EXPECT_EQ(file(name), file("a.png")) << name;
  const Finished named = call({"txt2img", "-m", "org/model", "-p", "x", "-W", "64", "-H", "64", "--steps", "1", "--json", "-o", (scratch / "e.png").string()});
  EXPECT_NE(named.out.find("\"model\":\"org/model\""), std::string::npos) << named.out;
}

// So are the parts that a request adds to a model: by their repository, or as one file of it.
TEST_F(HubProgramTest, DrawsWithPartsOfTheHub) {
  const fs::path vae = golden("models/sd15/vae"), lora = golden("adapters/kohya.safetensors"), upscaler = golden("upscale/compact_x4.safetensors");
  hub.add_folder(vae);
  hub.add("loras/kohya.safetensors", read_bytes(lora), true);
  hub.add("compact_x4.safetensors", read_bytes(upscaler), true);
  const std::string model_folder = golden("models/sd15").string();
  const auto parts = [](const std::string& vae_name, const std::string& lora_name, const std::string& upscaler_name) {
    return Words{"--vae", vae_name, "--lora", lora_name + ":0.5", "--hires", "1.5", "--hires-steps", "1", "--hires-upscaler", upscaler_name};
  };
  const Words named = parts("org/model", "org/model/loras/kohya.safetensors", "org/model/compact_x4.safetensors");
  const Finished done = draw(model_folder, "a.png", named);
  ASSERT_EQ(done.code, 0) << done.err;
  ASSERT_EQ(draw(model_folder, "b.png", parts(vae.string(), lora.string(), upscaler.string())).code, 0);
  EXPECT_EQ(file("a.png"), file("b.png"));
  const size_t requests = hub.requests().size();
  Words offline = named;
  offline.push_back("--offline");
  ASSERT_EQ(draw(model_folder, "c.png", offline).code, 0);
  EXPECT_EQ(hub.requests().size(), requests);
  EXPECT_EQ(file("a.png"), file("c.png"));
  const Finished larger = call({"upscale", (scratch / "a.png").string(), "-m", "org/model/compact_x4.safetensors", "-o", (scratch / "d.png").string()});
  EXPECT_EQ(larger.out, (scratch / "d.png").string() + " 384x384\n") << larger.err;

  const Finished told = call({"txt2img", "-m", model_folder, "-p", "x", "-W", "64", "-H", "64", "--steps", "1", "--vae", "org/model", "-o", (scratch / "e.png").string()});
  ASSERT_EQ(told.code, 0) << told.err;
  EXPECT_NE(call({"inspect", (scratch / "e.png").string()}).out.find("VAE: model"), std::string::npos) << call({"inspect", (scratch / "e.png").string()}).out;
  EXPECT_EQ(draw(model_folder, "f.png", {"--vae", "org/other"}).code, 3);
}

TEST_F(HubProgramTest, AnAliasOfTheUserBringsItsDefaultsBetweenFlagsAndModel) {
  hub.add_folder(golden("models/sd15-tiny"));
  write_bytes(scratch / ".config/imagent/models.json",
              R"({"models": [{"name": "tiny", "repository": "org/model", "size": 64, "steps": 3, "guidance": 2}], "redirects": {"old/name": "org/model"}})");
  const Words words = {"-p", "x", "--json", "-o", (scratch / "a.png").string(), "-m"};
  const auto with = [&](const Words& more) {
    Words all = words;
    all.insert(all.end(), more.begin(), more.end());
    return call(all);
  };
  const Finished plain = with({"Tiny"});
  ASSERT_EQ(plain.code, 0) << plain.err;
  EXPECT_NE(plain.out.find("\"width\":64,\"height\":64,\"steps\":3,"), std::string::npos) << plain.out;
  EXPECT_NE(plain.out.find("\"guidance\":2.0"), std::string::npos) << plain.out;
  EXPECT_NE(with({"tiny", "--steps", "1"}).out.find("\"steps\":1,"), std::string::npos);
  const Finished moved = with({"old/name", "-q"});
  EXPECT_EQ(moved.code, 0) << moved.err;
  EXPECT_EQ(moved.err, "");
  EXPECT_NE(with({"old/name", "--progress", "none"}).err.find("old/name is now org/model\n"), std::string::npos);
  const Finished unknown = with({"tinny"});
  EXPECT_EQ(unknown.code, 3);
  EXPECT_NE(unknown.err.find("there is no model \"tinny\": it is no folder and no file, no known name (did you mean tiny?) and not ORG/NAME"), std::string::npos) << unknown.err;
}

TEST_F(HubProgramTest, APathThatExistsWinsAndTheModelsFolderComesNext) {
  fs::create_directories(scratch / "models");
  fs::copy(golden("models/sd15-tiny"), scratch / "models/sd15", fs::copy_options::recursive);
  const std::string folder = (scratch / "models").string() + "/";
  ASSERT_EQ(draw("sd15", "a.png", {"--models-dir", folder}).code, 0);
  variables["IMAGENT_MODELS_DIR"] = folder;
  ASSERT_EQ(draw("sd15", "b.png").code, 0);
  ASSERT_EQ(draw((scratch / "models/sd15").string(), "c.png").code, 0);
  EXPECT_EQ(file("a.png"), file("b.png"));
  EXPECT_EQ(file("a.png"), file("c.png"));
  EXPECT_TRUE(hub.requests().empty());
}

TEST_F(HubProgramTest, OfflineTouchesNoNetwork) {
  hub.add_pipeline();
  expect_fault(pull({"--offline"}), 3, "is not in the cache");
  variables["HF_HUB_OFFLINE"] = "1";
  expect_fault(draw("org/model", "a.png"), 3, "offline nothing is downloaded; and there is no folder or file \"org/model\"");
  EXPECT_TRUE(hub.requests().empty());
}

TEST_F(HubProgramTest, RefusalsHaveTheirExitCodes) {
  hub.add_pipeline();
  expect_fault(call({"models", "pull", "org/other"}), 3, "there is no repository org/other");
  expect_fault(call({"models", "pull", "org/model@v9"}), 3, "org/model has no revision \"v9\"");
  expect_fault(call({"models", "pull", "org/model/no.safetensors"}), 3, "org/model has no file \"no.safetensors\"");
  expect_fault(call({"models", "pull", "sd16"}), 2, "did you mean sd1");
  struct Case {
    FakeReply reply;
    int code;
    std::string says;
  };
  const Case cases[] = {
      {{.status = 401, .headers = {{"X-Error-Code", "GatedRepo"}}}, 5, "org/model is gated: accept its terms at " + hub.endpoint() + "/org/model and set HF_TOKEN"},
      {{.status = 401}, 3, "a private one needs HF_TOKEN"},
      {{.status = 403}, 5, "not authorised to read org/model"},
      {{.status = 404, .headers = {{"X-Error-Code", "RepoNotFound"}}}, 3, "there is no repository"},
      {{.status = 429, .headers = {{"Retry-After", "1000"}}}, 4, "try again in 1000 s"},
      {{.status = 500}, 4, "answers 500"},
      {{.status = 503}, 4, "answers 503"},
      {{.status = 302, .headers = {{"Location", "/api/models/org/model/revision/main"}}}, 4, "endless redirect"},
      {{.body = "<html>"}, 4, "not valid JSON"},
  };
  for (const Case& one : cases) {
    answer_all(one.reply);
    expect_fault(pull(), one.code, one.says);
  }
  answer_all({.status = 403, .headers = {{"X-Error-Code", "GatedRepo"}}});
  variables["HF_TOKEN"] = "hf_word";
  expect_fault(draw("org/model", "a.png"), 5, "the account of the token in use has no access");
  variables["HF_TOKEN"] = "two words";
  const Finished broken = pull();
  EXPECT_EQ(broken.code, 2);
  EXPECT_EQ(broken.err.find("two words"), std::string::npos) << "a secret is not shown";
}

TEST_F(HubProgramTest, TheTokenComesFromVariableOrFileAndIsNoFlag) {
  hub.add_pipeline();
  write_bytes(scratch / "home/token", "hf_file\n");
  variables["HF_HOME"] = (scratch / "home").string();
  variables.erase("HF_HUB_CACHE");
  EXPECT_EQ(pull().code, 0);
  EXPECT_EQ(hub.requests().front().headers.at("authorization"), "Bearer hf_file");
  EXPECT_TRUE(fs::exists(scratch / "home/hub/models--org--model/refs/main"));
  variables["HF_TOKEN"] = "hf_word";
  EXPECT_EQ(pull().code, 0);
  EXPECT_EQ(hub.requests().back().headers.at("authorization"), "Bearer hf_word");
  EXPECT_EQ(pull({"--token", "hf_other"}).code, 2);
}

TEST_F(HubProgramTest, NobodyThereAndProxies) {
  hub.add_pipeline();
  variables["HF_ENDPOINT"] = "http://127.0.0.1:1";
  expect_fault(pull(), 4, "the exchange with http://127.0.0.1:1 about org/model failed");
  variables["HF_ENDPOINT"] = "http://hub.invalid";
  variables["http_proxy"] = hub.endpoint();
  expect_fault(pull(), 3, "there is no repository org/model at http://hub.invalid");   // the fake hub does not know the absolute form
  EXPECT_EQ(hub.count("GET", "http://hub.invalid/api/models/org/model"), 1u);
  variables["HF_ENDPOINT"] = "hub.invalid";
  EXPECT_EQ(pull().code, 2);
}

TEST_F(HubProgramTest, FaultsInTheMiddleOfAFile) {
  hub.add_pipeline();
  const auto content = [&](const std::function<void(FakeReply&)>& change) {
    hub.tamper = [change](const FakeRequest& request, FakeReply& reply) {
      if (request.content_network) change(reply);
    };
  };
  content([](FakeReply& reply) { reply.body = std::string(reply.body.size(), 'x'); });
  expect_fault(pull(), 4, "wrong hash");
  content([](FakeReply& reply) { reply.body.resize(reply.body.size() - 1); });
  expect_fault(pull(), 4, "wrong size: fewer than the announced");
  content([](FakeReply& reply) { reply.body += "x"; });
  expect_fault(pull(), 4, "wrong size: more than the announced");
  content([](FakeReply& reply) { reply = {.status = 403}; });
  expect_fault(pull(), 5, "not authorised");
  content([](FakeReply& reply) { reply.cut_after = 7000; });
  expect_fault(pull(), 4, "what came is kept, the next pull goes on from there");
  EXPECT_NE(call({"models", "info", "org/model"}).out.find("unfinished"), std::string::npos);
  hub.tamper = {};
  const Finished done = pull({"--json"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_NE(done.out.find("\"name\":\"org/model\",\"path\":\""), std::string::npos) << done.out;
  EXPECT_GE(hub.count("GET", "?signature=1"), 1u);
  size_t ranged = 0;
  for (const FakeRequest& request : hub.requests()) ranged += request.headers.count("range");
  EXPECT_GE(ranged, 1u);
}

TEST_F(HubProgramTest, DiskFull) {
  hub.add_pipeline();
  hub.tamper = [](const FakeRequest& request, FakeReply& reply) {
    if (request.content_network) reply.cut_after = 0;
  };
  EXPECT_EQ(pull().code, 4);
  hub.tamper = {};
  std::vector<fs::path> partial;
  for (const auto& entry : fs::directory_iterator(model / "blobs"))
    if (entry.path().extension() == ".incomplete") partial.push_back(entry.path());
  ASSERT_FALSE(partial.empty());
  for (const fs::path& path : partial) {
    fs::remove(path);
    fs::create_symlink("/dev/full", path);
  }
  expect_fault(pull(), 7, "disk full: cannot write ");
  fs::remove_all(model);  // a file that is beyond the limit may have come through beside the one that was not written
  rlimit before{}, small{};
  getrlimit(RLIMIT_FSIZE, &before);
  small = {.rlim_cur = 100000, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  Process process({"models", "pull", "org/model"}, {.variables = variables});
  setrlimit(RLIMIT_FSIZE, &before);
  expect_fault(process.finish(), 7, "no larger files are allowed there");
  EXPECT_EQ(pull().code, 0);
}

TEST_F(HubProgramTest, CtrlCLeavesPartsThatTheNextPullTakesUp) {
  hub.add_pipeline();
  hub.tamper = [](const FakeRequest& request, FakeReply& reply) {
    if (request.content_network) reply.pause = 0.02;
  };
  Process process({"models", "pull", "org/model", "--progress", "json"}, {.variables = variables});
  ASSERT_TRUE(process.wait_for_error("\"total_bytes\"", 20));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  process.signal(SIGINT);
  expect_fault(process.finish(), 130, "cancelled");
  uint64_t kept = 0;
  for (const auto& entry : fs::directory_iterator(model / "blobs"))
    if (entry.path().extension() == ".incomplete") kept += entry.file_size();
  EXPECT_GT(kept, 0u);
  hub.tamper = {};
  EXPECT_EQ(pull().code, 0);
  EXPECT_TRUE(find_cached_model(hub.settings(scratch / "cache"), "org/model"));
}

}  // namespace
}  // namespace imagent::test
