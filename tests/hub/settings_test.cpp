// The environment, names, addresses, waits: the parts that need no hub.
#include <gtest/gtest.h>

#include "base/error.h"
#include "hub/environment.h"
#include "hub/fake_hub.h"
#include "hub/file_selection.h"
#include "hub/repository.h"
#include "hub/retry.h"
#include "hub/transfer_meter.h"
#include "hub/url.h"

namespace imagent::test {
namespace {

HubSettings settings_of(std::map<std::string, std::string> variables) {
  variables.emplace("HOME", "/nowhere");
  return hub_settings([&](const char* name) { return variables.count(name) ? variables.at(name).c_str() : nullptr; });
}

TEST(HubSettings, TheCacheFollowsTheVariables) {
  EXPECT_EQ(settings_of({}).cache, "/nowhere/.cache/huggingface/hub");
  EXPECT_EQ(settings_of({{"XDG_CACHE_HOME", "/x"}}).cache, "/x/huggingface/hub");
  EXPECT_EQ(settings_of({{"XDG_CACHE_HOME", "/x"}, {"HF_HOME", "~/h"}}).cache, "/nowhere/h/hub");
  EXPECT_EQ(settings_of({{"HF_HOME", "/h"}, {"HUGGINGFACE_HUB_CACHE", "/old"}}).cache, "/old");
  EXPECT_EQ(settings_of({{"HUGGINGFACE_HUB_CACHE", "/old"}, {"HF_HUB_CACHE", "/c"}}).cache, "/c");
}

TEST(HubSettings, WithoutAHomeNothingIsWrittenWhereTheProgramRuns) {
  const HubSettings settings = hub_settings([](const char*) -> const char* { return nullptr; });
  EXPECT_TRUE(settings.cache.is_absolute()) << settings.cache;
  EXPECT_TRUE(own_cache_folder([](const char*) -> const char* { return ""; }).is_absolute());
}

TEST(HubSettings, TheTokenByVariableOrFile) {
  const TemporaryFolder folder;
  write_bytes(folder / "token", " hf_file\n");
  EXPECT_EQ(settings_of({}).token, "");
  EXPECT_EQ(settings_of({{"HF_HOME", folder.path}}).token, "hf_file");
  EXPECT_EQ(settings_of({{"HF_TOKEN_PATH", folder / "token"}}).token, "hf_file");
  EXPECT_EQ(settings_of({{"HF_HOME", folder.path}, {"HUGGING_FACE_HUB_TOKEN", "hf_old"}}).token, "hf_old");
  EXPECT_EQ(settings_of({{"HF_TOKEN", " hf_new "}, {"HUGGING_FACE_HUB_TOKEN", "hf_old"}}).token, "hf_new");
  EXPECT_EQ(settings_of({{"HF_TOKEN", "hf_new"}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"}}).token, "");
  EXPECT_THROW(settings_of({{"HF_TOKEN", "a\r\nHost: b"}}), Error);
}

TEST(HubSettings, EndpointOfflineTimeouts) {
  EXPECT_EQ(settings_of({}).endpoint, "https://huggingface.co");
  EXPECT_EQ(settings_of({{"HF_ENDPOINT", "https://mirror.example/"}}).endpoint, "https://mirror.example");
  EXPECT_THROW(settings_of({{"HF_ENDPOINT", "mirror.example"}}), Error);
  for (const char* yes : {"1", "ON", "yes", "True"}) EXPECT_TRUE(settings_of({{"HF_HUB_OFFLINE", yes}}).offline);
  for (const char* no : {"", "0", "no", "maybe"}) EXPECT_FALSE(settings_of({{"HF_HUB_OFFLINE", no}}).offline);
  EXPECT_TRUE(settings_of({{"TRANSFORMERS_OFFLINE", "1"}}).offline);
  EXPECT_FALSE(settings_of({{"HF_HUB_DISABLE_SYMLINKS", "1"}}).symlinks);
  EXPECT_EQ(settings_of({{"HF_HUB_DOWNLOAD_TIMEOUT", "30"}}).download_timeout, 30);
  EXPECT_THROW(settings_of({{"HF_HUB_ETAG_TIMEOUT", "soon"}}), Error);
  EXPECT_EQ(settings_of({}).retries, 5);
  EXPECT_EQ(settings_of({{"IMAGENT_HUB_RETRIES", "0"}}).retries, 0);
  EXPECT_THROW(settings_of({{"IMAGENT_HUB_RETRIES", "many"}}), Error);
}

TEST(RepositoryId, Names) {
  const RepositoryId id = parse_repository("org/na.me/dir/file.safetensors@refs/pr/1");
  EXPECT_EQ(id.name, "org/na.me");
  EXPECT_EQ(id.file, "dir/file.safetensors");
  EXPECT_EQ(id.revision, "refs/pr/1");
  EXPECT_EQ(id.folder_name(), "models--org--na.me");
  EXPECT_EQ(parse_repository("a/b").revision, "main");
  const std::string long_name(97, 'a');
  for (const std::string& bad : {std::string("a"), std::string("a/"), std::string("/b"), std::string("a--b/c"), std::string("a/b..c"), std::string("a/b.git"), std::string("a/-b"), std::string("a/b@"),
                                std::string("a/b@../x"), std::string("a/b/../c"), std::string("a/b\0c", 5), "a/" + long_name})
    EXPECT_FALSE(is_repository(bad)) << bad;
}

TEST(SafePath, OnlyWhatStaysInside) {
  for (const char* good : {"a", "unet/config.json", "a..b", ".hidden", "unet/...", "caf\xc3\xa9"}) EXPECT_TRUE(is_safe_path(good)) << good;
  for (const std::string& bad : {std::string(""), std::string("/a"), std::string(".."), std::string("a/.."), std::string("./a"), std::string("a//b"), std::string("a/"), std::string("a\0b", 3),
                                std::string("a\nb"), std::string("\xff"), std::string(256, 'a'), std::string(2000, 'a')})
    EXPECT_FALSE(is_safe_path(bad)) << bad;
}

TEST(Url, OriginsAndTargets) {
  EXPECT_EQ(origin_of("https://Hub.co/a"), origin_of("https://hub.co:443/b"));
  EXPECT_NE(origin_of("https://hub.co"), origin_of("http://hub.co"));
  EXPECT_NE(origin_of("https://hub.co"), origin_of("https://hub.co@evil.co"));
  EXPECT_EQ(origin_of("file:///etc/passwd"), "");
  EXPECT_TRUE(is_relative_url("/a/b:c"));
  for (const char* absolute : {"https://a", "//a", "file:x", "/\\a"}) EXPECT_FALSE(is_relative_url(absolute)) << absolute;
  EXPECT_EQ(resolve_url("https://hub.co/a/b", "/c?d=e"), "https://hub.co/c?d=e");
  EXPECT_EQ(resolve_url("https://hub.co/a", "gopher://x/"), "");
  EXPECT_EQ(percent_quote("refs/pr/1 ä"), "refs%2Fpr%2F1%20%C3%A4");
}

TEST(Retry, WhatTheServerAsksFor) {
  EXPECT_EQ(asked_wait({.headers = {{"retry-after", "12"}}}), 12);
  EXPECT_EQ(asked_wait({.headers = {{"ratelimit", "\"api\";r=0;t=55"}}}), 55);
  EXPECT_FALSE(asked_wait({.headers = {{"ratelimit", "\"api\";r=3;t=55"}}}));
  EXPECT_EQ(asked_wait({.headers = {{"retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"}}}), 0);
  EXPECT_FALSE(asked_wait({.headers = {{"retry-after", "-3"}}}));
  EXPECT_TRUE(is_transient({}));
  EXPECT_FALSE(is_transient({.status = 404}));
}

TEST(TransferMeter, RateAndTimeLeft) {
  double now = 100;
  const Clock clock{.now = [&] { return now; }, .sleep = {}};
  PullProgress last;
  int calls = 0;
  TransferMeter meter(clock, [&](const PullProgress& progress) { last = progress, ++calls; }, 1000, 2);
  meter.kept(200);   // was there already
  now += 2;
  meter.received(300);
  EXPECT_EQ(last.done, 500u);
  EXPECT_DOUBLE_EQ(last.bytes_per_second, 150);
  EXPECT_DOUBLE_EQ(last.seconds_left, 500 / 150.0);
  const int before = calls;
  for (int i = 0; i < 100; ++i) meter.received(1);
  EXPECT_EQ(calls, before);   // no time passes
  for (int second = 0; second < 20; ++second, now += 1) meter.received(0);
  EXPECT_EQ(last.bytes_per_second, 0);   // over the last seconds only
  EXPECT_EQ(last.seconds_left, -1);
}

std::vector<std::string> chosen(const std::vector<std::string>& names, bool prefer_half) {
  Listing listing;
  for (const std::string& name : names) listing.files.push_back({.path = name});
  std::vector<std::string> paths;
  for (const RemoteFile& file : select_files(listing, {.name = "a/b"}, prefer_half)) paths.push_back(file.path);
  return paths;
}

TEST(FileSelection, WeightsInTheFormThatServes) {
  using Names = std::vector<std::string>;
  const Names both = {"config.json", "diffusion_pytorch_model.bin", "diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.safetensors", "other.safetensors"};
  EXPECT_EQ(chosen(both, false), (Names{"config.json", "diffusion_pytorch_model.safetensors"}));
  EXPECT_EQ(chosen(both, true), (Names{"config.json", "diffusion_pytorch_model.fp16.safetensors"}));
  const Names half = {"config.json", "diffusion_pytorch_model.bin", "diffusion_pytorch_model.fp16.safetensors"};
  EXPECT_EQ(chosen(half, false), (Names{"config.json", "diffusion_pytorch_model.fp16.safetensors"}));
  EXPECT_EQ(chosen({"config.json", "diffusion_pytorch_model.bin"}, true), (Names{"config.json", "diffusion_pytorch_model.bin"}));
  const Names shards = {"model_index.json", "text_encoder_2/model-00001-of-00002.safetensors", "text_encoder_2/model-00002-of-00002.safetensors", "text_encoder_2/model.safetensors.index.json",
                        "text_encoder_2/model.fp16-00001-of-00001.safetensors"};
  EXPECT_EQ(chosen(shards, false), (Names{shards[0], shards[3], shards[1], shards[2]}));
  EXPECT_EQ(chosen({"a.safetensors", "b.ckpt", "README.md"}, false), Names{"a.safetensors"});
  EXPECT_THROW(chosen({"a.safetensors", "b.safetensors"}, false), Error);
  EXPECT_THROW(chosen({"model_index.json", "unet/config.json"}, false), Error);
  EXPECT_THROW(chosen({"README.md"}, false), Error);
}

}  // namespace
}  // namespace imagent::test
