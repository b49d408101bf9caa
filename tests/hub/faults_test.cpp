// What goes wrong between a hub and us: each its own sentence and kind, and never a corrupt cache.
#include <gtest/gtest.h>

#include "hub/fake_hub.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;
constexpr const char* weights = "pytorch_lora_weights.safetensors";

struct FaultsTest : testing::Test {
  FaultsTest() { hub.add(weights, content, true); }
  static void SetUpTestSuite() { ::setenv("no_proxy", "127.0.0.1", 1); }

  FakeHub hub;
  TemporaryFolder folder;
  FakeClock time;
  std::string content = some_bytes(100000);
  HubSettings settings = hub.settings(folder.path);
  PullOptions options{.clock = time.clock()};
  fs::path model = folder.path / "models--org--model";
  std::atomic<int> faults{0};   // that were put in so far

  Error ask(const std::string& name = "org/model") { return pull_error(settings, name, options); }
  void expect_error(ErrorKind kind, const std::string& part) {
    const Error error = ask();
    EXPECT_EQ(static_cast<int>(error.kind), static_cast<int>(kind)) << error.text;
    EXPECT_NE(error.text.find(part), std::string::npos) << error.text;
    EXPECT_FALSE(find_cached_model(settings, "org/model"));
    EXPECT_FALSE(fs::exists(model / "snapshots" / FakeHub::commit / weights));
  }
  void expect_loaded() {
    const fs::path snapshot = pull_model(settings, "org/model", options);
    EXPECT_EQ(read_bytes(snapshot / weights), content);
  }
  // Lets the first `count` answers to requests of that kind be changed.
  void tamper(bool content_network, int count, std::function<void(FakeReply&)> change) {
    hub.tamper = [=, this](const FakeRequest& request, FakeReply& reply) {
      if (request.content_network == content_network && faults < count) {
        ++faults;
        change(reply);
      }
    };
  }
  // The metadata that are told of the file.
  void tamper_head(std::function<void(FakeReply&)> change) {
    hub.tamper = [=](const FakeRequest& request, FakeReply& reply) {
      if (request.method == "HEAD") change(reply);
    };
  }
  fs::path partial() {
    for (const auto& entry : fs::directory_iterator(model / "blobs"))
      if (entry.path().extension() == ".incomplete") return entry.path();
    return {};
  }
};

TEST_F(FaultsTest, ADroppedConnectionIsResumed) {
  tamper(true, 2, [](FakeReply& reply) { reply.cut_after = 30000; });
  expect_loaded();
  EXPECT_EQ(faults, 2);
  std::vector<std::string> ranges;
  for (const FakeRequest& request : hub.requests())
    if (request.content_network) ranges.push_back(request.headers.count("range") ? request.headers.at("range") : "");
  EXPECT_EQ(ranges, (std::vector<std::string>{"", "bytes=30000-", "bytes=60000-"}));
}

TEST_F(FaultsTest, AConnectionThatAlwaysBreaksLeavesAPartialFileForTheNextPull) {
  tamper(true, 1000, [](FakeReply& reply) { reply.cut_after = 1000; });
  expect_error(ErrorKind::hub, "the connection broke after 6000 of 100000 bytes");
  EXPECT_EQ(read_bytes(partial()), content.substr(0, 6000));
  hub.tamper = {};
  expect_loaded();
  EXPECT_EQ(hub.requests().back().headers.at("range"), "bytes=6000-");
}

TEST_F(FaultsTest, AServerWithoutRangesStartsAnew) {
  hub.tamper = [this](const FakeRequest& request, FakeReply& reply) {
    if (!request.content_network) return;
    reply = {.body = content};
    if (faults++ == 0) reply.cut_after = 50000;
  };
  expect_loaded();
  EXPECT_EQ(faults, 2);
}

TEST_F(FaultsTest, AnotherPartThanAskedForIsRefused) {
  hub.tamper = [this](const FakeRequest& request, FakeReply& reply) {
    if (!request.content_network) return;
    if (faults++ == 0) reply.cut_after = 50000;
    else reply.headers["Content-Range"] = "bytes 10-99999/100000";
  };
  expect_error(ErrorKind::hub, "another part");
}

TEST_F(FaultsTest, RangeNotSatisfiableStartsAnew) {
  tamper(true, 2, [this](FakeReply& reply) {
    if (faults == 1) reply.cut_after = 100;
    else reply = {.status = 416};
  });
  expect_loaded();
}

TEST_F(FaultsTest, AStalePartialIsFoundByItsHashAndLoadedAgain) {
  tamper(true, 1000, [](FakeReply& reply) { reply.cut_after = 1000; });
  ask();
  const fs::path file = partial();
  hub.tamper = {};
  write_bytes(file, std::string(5000, 'x'));
  expect_loaded();
  write_bytes(file, std::string(200000, 'x'));   // longer than the file
  fs::remove_all(model / "snapshots");
  for (const auto& entry : fs::directory_iterator(model / "blobs"))
    if (entry.path() != file) fs::remove(entry.path());
  expect_loaded();
}

TEST_F(FaultsTest, WrongHash) {
  tamper(true, 1000, [this](FakeReply& reply) { reply.body = std::string(content.size(), 'x'); });
  expect_error(ErrorKind::hub, "wrong hash");
  EXPECT_EQ(fs::file_size(partial()), 0u);
  EXPECT_EQ(faults, 1);
}

TEST_F(FaultsTest, LyingSizes) {
  tamper_head([](FakeReply& reply) { reply.headers["X-Linked-Size"] = "99999"; });
  expect_error(ErrorKind::hub, "more than the announced 99999 bytes");
  tamper_head([](FakeReply& reply) { reply.headers["X-Linked-Size"] = "100001"; });
  expect_error(ErrorKind::hub, "fewer than the announced 100001 bytes");
  tamper_head([](FakeReply& reply) { reply.headers["X-Linked-Size"] = "9223372036854775807"; });
  expect_error(ErrorKind::hub, "no sane size");
  hub.tamper = [](const FakeRequest& request, FakeReply& reply) {
    if (request.target.starts_with("/api")) reply.body = str(R"({"sha":")", FakeHub::commit, R"(","siblings":[{"rfilename":"model.safetensors","size":1000000000000000}]})");
  };
  expect_error(ErrorKind::io, "disk full");
}

TEST_F(FaultsTest, DiskFullInTheMiddle) {
  tamper(true, 1000, [](FakeReply& reply) { reply.cut_after = 0; });
  ask();
  const fs::path file = partial();
  ASSERT_FALSE(file.empty());
  fs::remove(file);
  fs::create_symlink("/dev/full", file);
  hub.tamper = {};
  expect_error(ErrorKind::io, "disk full");
  fs::remove(file);
  expect_loaded();
}

TEST_F(FaultsTest, SignedAddressesAreRenewed) {
  tamper(true, 2, [](FakeReply& reply) { reply = {.status = 403}; });
  expect_loaded();
  EXPECT_EQ(hub.count("HEAD", weights), 3u);
  fs::remove_all(model);
  faults = -1000;
  expect_error(ErrorKind::gated, "not authorised");
}

TEST_F(FaultsTest, RefusalsByTheirCode) {
  struct Case {
    FakeReply reply;
    ErrorKind kind;
    std::string part;
  };
  const Case cases[] = {
      {{.status = 401, .headers = {{"X-Error-Code", "GatedRepo"}}}, ErrorKind::gated, "accept its terms at " + hub.endpoint() + "/org/model and set HF_TOKEN"},
      {{.status = 401}, ErrorKind::model, "there is no repository org/model"},
      {{.status = 401, .headers = {{"X-Error-Message", "Invalid credentials in Authorization header"}}}, ErrorKind::gated, "does not accept the token"},
      {{.status = 403, .headers = {{"X-Error-Message", "no\tway"}}}, ErrorKind::gated, "not authorised to read org/model: no way"},
      {{.status = 403, .headers = {{"X-Error-Message", "Access to this resource is disabled."}}}, ErrorKind::hub, "has disabled"},
      {{.status = 404, .headers = {{"X-Error-Code", "RepoNotFound"}}}, ErrorKind::model, "there is no repository"},
      {{.status = 404, .headers = {{"X-Error-Code", "RevisionNotFound"}}}, ErrorKind::model, "has no revision \"main\""},
      {{.status = 418}, ErrorKind::hub, "answers 418"},
      {{.status = 200, .body = "<html>"}, ErrorKind::hub, "not valid JSON"},
      {{.status = 200, .body = std::string(100000, '[')}, ErrorKind::hub, "nested deeper"},
      {{.status = 200, .body = "{}"}, ErrorKind::hub, "names no commit"},
      {{.status = 429, .headers = {{"Retry-After", "1000"}}}, ErrorKind::hub, "try again in 1000 s"},
  };
  for (const Case& one : cases) {
    hub.tamper = [&](const FakeRequest&, FakeReply& reply) { reply = one.reply; };
    expect_error(one.kind, one.part);
  }
  EXPECT_EQ(time.slept(), 0);
}

TEST_F(FaultsTest, GatedWithATokenSaysThatTheAccountHasNoAccess) {
  settings.token = "hf_word";
  hub.tamper = [](const FakeRequest&, FakeReply& reply) { reply = {.status = 403, .headers = {{"X-Error-Code", "GatedRepo"}}}; };
  expect_error(ErrorKind::gated, "the account of the token in use has no access");
}

TEST_F(FaultsTest, AFileThatWentIsRemembered) {
  hub.tamper = [](const FakeRequest& request, FakeReply& reply) {
    if (request.method == "HEAD") reply = {.status = 404, .headers = {{"X-Error-Code", "EntryNotFound"}}};
  };
  expect_error(ErrorKind::model, "has no file");
  EXPECT_TRUE(fs::exists(model / ".no_exist" / FakeHub::commit / weights));
}

TEST_F(FaultsTest, FaultsThatPassAreWaitedFor) {
  const int statuses[] = {408, 429, 500, 502, 503};
  tamper(false, 5, [&](FakeReply& reply) {
    reply = {.status = statuses[faults - 1]};
    if (reply.status == 429) reply.headers["Retry-After"] = "7";
  });
  expect_loaded();
  EXPECT_NEAR(time.slept(), 1 + 7 + 4 + 8 + 8, 0.01);
}

TEST_F(FaultsTest, RedirectsOfTheNameAreFollowedForTheMetadata) {
  hub.tamper = [](const FakeRequest& request, FakeReply& reply) {
    if (request.target.starts_with("/api/models/old/name/")) reply = {.status = 307, .headers = {{"Location", "/api/models/org/model/revision/main?blobs=true"}}};
    if (request.target.starts_with("/old/name/resolve/")) reply = {.status = 307, .headers = {{"Location", "/org/model" + request.target.substr(9)}}};
  };
  EXPECT_EQ(read_bytes(pull_model(settings, "old/name", options) / weights), content);
}

TEST_F(FaultsTest, EndlessRedirects) {
  hub.tamper = [](const FakeRequest& request, FakeReply& reply) { reply = {.status = 302, .headers = {{"Location", request.target}}}; };
  expect_error(ErrorKind::hub, "endless redirect");
  hub.tamper = [](const FakeRequest& request, FakeReply& reply) {
    if (request.method == "HEAD") reply = {.status = 307, .headers = {{"Location", request.target}}};
  };
  expect_error(ErrorKind::hub, "endless redirect");
  hub.tamper = [](const FakeRequest& request, FakeReply& reply) {
    if (request.content_network) reply = {.status = 302, .headers = {{"Location", request.target}}};
  };
  expect_error(ErrorKind::hub, "endless redirect");
}

TEST_F(FaultsTest, MetadataThatMakeNoSenseAreRefused) {
  const std::pair<std::map<std::string, std::string>, std::string> cases[] = {
      {{{"X-Linked-Etag", "\"../../../etc/passwd\""}}, "an ETag that cannot name a file"},
      {{{"X-Linked-Etag", ""}, {"ETag", ""}}, "no ETag"},
      {{{"X-Repo-Commit", "0000000000000000000000000000000000000000"}}, "is not of commit"},
      {{{"Location", "file:///etc/passwd"}}, "to what is no address"},
      {{{"X-Long", std::string(17000, 'a')}}, "header is too long"},
  };
  for (const auto& [headers, part] : cases) {
    tamper_head([&](FakeReply& reply) {
      for (const auto& [name, value] : headers) reply.headers[name] = value;
    });
    expect_error(ErrorKind::hub, part);
  }
}

TEST_F(FaultsTest, NamesThatLeaveTheSnapshotAreRefused) {
  for (const std::string name : {"../evil.safetensors", "/etc/evil.safetensors", "a/../../evil.safetensors", "a//b", "./a", "a/", "nul\\u0000.safetensors", "bell\\u0007", ""}) {
    hub.tamper = [&](const FakeRequest&, FakeReply& reply) { reply.body = str(R"({"sha":")", FakeHub::commit, R"(","siblings":[{"rfilename":")", name, R"("}]})"); };
    expect_error(ErrorKind::hub, "whose name is not allowed");
  }
  EXPECT_EQ(hub.count("HEAD", ""), 0u);
}

TEST_F(FaultsTest, AnEndlessListIsCutOff) {
  hub.tamper = [](const FakeRequest&, FakeReply& reply) { reply.body = std::string((size_t{3} << 20) + 1, ' '); };
  expect_error(ErrorKind::hub, "larger than");
}

TEST_F(FaultsTest, NobodyThere) {
  settings.endpoint = "http://127.0.0.1:1";
  expect_error(ErrorKind::hub, "the exchange with http://127.0.0.1:1 about org/model failed");
  EXPECT_NEAR(time.slept(), 23, 0.01);
}

TEST_F(FaultsTest, AStalledDownloadIsBrokenOff) {
  settings.download_timeout = 1;
  settings.retries = 0;
  tamper(true, 1, [](FakeReply& reply) { reply.pause = 2.2; });
  expect_error(ErrorKind::hub, "the connection broke after 0 of 100000 bytes");
}

}  // namespace
}  // namespace imagent::test
