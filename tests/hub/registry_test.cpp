// Known models, the user's additions, old names.
#include <gtest/gtest.h>

#include "base/error.h"
#include "hub/fake_hub.h"
#include "hub/registry.h"

namespace imagent::test {
namespace {

std::string repository(const Registry& registry, const std::string& name) {
  const auto model = registry.resolve(name);
  return model ? model->repository : "none";
}

TEST(Registry, TheTableOfAliases) {
  const Registry registry;
  struct Row {
    std::vector<std::string> names;
    std::string repository;
    int size, steps;
    double guidance;
  };
  const Row rows[] = {
      {{"sd15", "v1-5", "sd-v15", "SD15"}, "stable-diffusion-v1-5/stable-diffusion-v1-5", 512, 25, 7.5},
      {{"sd15-inpaint"}, "stable-diffusion-v1-5/stable-diffusion-inpainting", 512, 25, 7.5},
      {{"sd21", "v2-1", "sd-v21"}, "stabilityai/stable-diffusion-2-1", 768, 25, 7.5},
      {{"sd21-inpaint"}, "stabilityai/stable-diffusion-2-inpainting", 512, 25, 7.5},
      {{"sdxl", "xl", "sd-xl"}, "stabilityai/stable-diffusion-xl-base-1.0", 1024, 30, 7},
      {{"sdxl-inpaint"}, "diffusers/stable-diffusion-xl-1.0-inpainting-0.1", 1024, 30, 7},
      {{"sdxl-refiner"}, "stabilityai/stable-diffusion-xl-refiner-1.0", 1024, 30, 7},
      {{"sdxl-turbo", "turbo", "sd-turbo-xl"}, "stabilityai/sdxl-turbo", 512, 1, 0},
      {{"sd-turbo"}, "stabilityai/sd-turbo", 512, 1, 0},
      {{"lcm"}, "SimianLuo/LCM_Dreamshaper_v7", 512, 4, 8},
  };
  for (const Row& row : rows)
    for (const std::string& name : row.names) {
      const auto model = registry.resolve(name);
      ASSERT_TRUE(model && model->known) << name;
      EXPECT_EQ(model->repository, row.repository);
      EXPECT_EQ(model->known->size, row.size);
      EXPECT_EQ(model->known->steps, row.steps);
      EXPECT_EQ(model->known->guidance, row.guidance);
    }
  EXPECT_EQ(repository(registry, "taesd"), "madebyollin/taesd");
  EXPECT_FALSE(registry.resolve("taesdxl")->known->steps);
}

TEST(Registry, OldNamesLeadToTheNewPlace) {
  const Registry registry;
  const auto model = registry.resolve("runwayml/stable-diffusion-v1-5@main");
  ASSERT_TRUE(model);
  EXPECT_EQ(model->repository, "stable-diffusion-v1-5/stable-diffusion-v1-5@main");
  EXPECT_EQ(model->old_names, std::vector<std::string>{"runwayml/stable-diffusion-v1-5@main"});
  EXPECT_EQ(model->known->name, "sd15");
  EXPECT_EQ(registry.resolve("sd15")->old_names, std::vector<std::string>{"runwayml/stable-diffusion-v1-5"});
}

TEST(Registry, RepositoriesPassAndOtherWordsDoNot) {
  const Registry registry;
  EXPECT_EQ(repository(registry, "some/model@v1.0"), "some/model@v1.0");
  EXPECT_EQ(registry.resolve("some/model")->known, nullptr);
  EXPECT_EQ(registry.resolve("stabilityai/sd-turbo@fp16")->known->steps, 1);
  for (const char* name : {"", "sd16", "a/b/../c", "../x", "a b/c", "/a/b"}) EXPECT_FALSE(registry.resolve(name)) << name;
}

TEST(Registry, AUsersFileWins) {
  const TemporaryFolder folder;
  write_bytes(folder / "models.json", R"({"models": [{"name": "SD15", "aliases": ["mine", "xl"], "repository": "me/model@v2", "steps": 9}], "redirects": {"Old/One": "me/model"}})");
  const Registry registry(folder / "models.json");
  EXPECT_EQ(repository(registry, "sd15"), "me/model@v2");
  EXPECT_EQ(repository(registry, "mine"), "me/model@v2");
  EXPECT_EQ(repository(registry, "xl"), "me/model@v2");
  EXPECT_EQ(repository(registry, "sdxl"), "stabilityai/stable-diffusion-xl-base-1.0");
  EXPECT_EQ(registry.resolve("old/one")->old_names, std::vector<std::string>{"Old/One"});
  EXPECT_EQ(Registry(folder / "absent.json").models().size(), Registry().models().size());
}

TEST(Registry, WrongFilesAreNamed) {
  const TemporaryFolder folder;
  const std::pair<std::string, std::string> cases[] = {
      {"[", "not valid JSON"},
      {"[]", "should hold an object"},
      {R"({"models": 1})", "should be an array"},
      {R"({"models": [1]})", "model 1 should be an object"},
      {R"({"models": [{"name": "a/b", "repository": "a/b"}]})", "a name should be"},
      {R"({"models": [{"name": "a", "repository": "../b"}]})", "\"repository\" should be"},
      {R"({"models": [{"name": "a", "repository": "a/b", "steps": 2.5}]})", "whole number"},
      {R"({"models": [{"name": "a", "repository": "a/b", "size": 1e99}]})", "from 64 to 8192"},
      {R"({"models": [{"name": "a", "repository": "a/b", "aliases": [1]}]})", "array of texts"},
      {R"({"redirects": {"a/b": 1}})", "\"redirects\" should be"},
  };
  for (const auto& [text, part] : cases) {
    write_bytes(folder / "models.json", text);
    try {
      Registry registry(folder / "models.json");
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::usage);
      EXPECT_NE(error.text.find(part), std::string::npos) << error.text;
    }
  }
}

TEST(Registry, FetchingTakesTheCacheUnderAnOldNameToo) {
  FakeHub hub;
  const TemporaryFolder folder;
  const HubSettings settings = hub.settings(folder.path);
  const auto snapshot = folder.path / "models--runwayml--stable-diffusion-v1-5/snapshots" / FakeHub::commit;
  write_bytes(snapshot / "model.safetensors", "x");
  write_bytes(folder.path / "models--runwayml--stable-diffusion-v1-5/refs/main", FakeHub::commit);
  const Registry registry;
  std::vector<std::string> notes;
  const PullOptions options{.note = [&](const std::string& line) { notes.push_back(line); }};
  EXPECT_EQ(fetch_model(settings, *registry.resolve("sd15"), options), snapshot);
  EXPECT_TRUE(notes.empty());
  EXPECT_EQ(fetch_model(settings, *registry.resolve("runwayml/stable-diffusion-v1-5"), options), snapshot);
  EXPECT_EQ(notes, std::vector<std::string>{"runwayml/stable-diffusion-v1-5 is now stable-diffusion-v1-5/stable-diffusion-v1-5"});
  EXPECT_TRUE(hub.requests().empty());
}

}  // namespace
}  // namespace imagent::test
