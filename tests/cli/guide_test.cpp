// docs/guide.md: every command in it works as it stands there.
#include <gtest/gtest.h>

#include <sstream>

#include "cli/spawn.h"
#include "support/golden.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

// The lines of the document's blocks of shell commands.
std::vector<std::string> commands_of(const std::string& document) {
  std::vector<std::string> commands;
  std::istringstream lines(document);
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) inside = !inside && line == "```sh";
    else if (inside) commands.push_back(line);
  }
  return commands;
}

// Words between blanks, in double quotes where they hold blanks.
std::vector<std::string> words_of(const std::string& command) {
  std::vector<std::string> words(1);
  bool quoted = false;
  for (const char c : command) {
    if (c == '"') quoted = !quoted;
    else if (c == ' ' && !quoted) words.emplace_back();
    else words.back() += c;
  }
  return words;
}

TEST(Guide, EveryCommandWorks) {
  const Scratch scratch;
  const fs::path docs = fs::path(IMAGENT_SOURCE_DIR) / "docs";
  fs::copy_file(docs / "guide/mask.png", scratch / "mask.png");
  fs::copy(docs / "../models/demo-adapters", scratch / "adapters", fs::copy_options::recursive);
  const std::vector<std::string> commands = commands_of(read_text(docs / "guide.md"));
  ASSERT_GT(commands.size(), 20u);
  for (const std::string& command : commands) {
    std::vector<std::string> words = words_of(command);
    ASSERT_EQ(words[0], "imagent") << command;
    words.erase(words.begin());
    const bool draws = words[0] != "convert" && words[0] != "upscale" && std::find(words.begin(), words.end(), "-p") != words.end();
    if (draws && std::find(words.begin(), words.end(), "--steps") == words.end()) words.insert(words.end(), {"--steps", "3"});  // quick
    const Finished done = run(words, {.folder = scratch.path().string()});
    EXPECT_EQ(done.code, 0) << command << "\n" << done.err;
    const auto output = std::find(words.begin(), words.end(), "-o");
    if (output == words.end()) {
      EXPECT_NE(done.out, "") << command;
    } else if (output[1].find('%') == std::string::npos) {
      EXPECT_TRUE(fs::exists(scratch / output[1])) << command;
    }
  }
  EXPECT_EQ(read_text(scratch / "again.png"), read_text(scratch / "house.png"));
}

}  // namespace
}  // namespace imagent::test
