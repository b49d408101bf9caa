// Who may include whom (docs/architecture.md), and how long a file may be.
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "support/golden.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

// A folder includes itself and these, and no other.
const std::map<std::string, std::set<std::string>> allowed = {
    {"base", {}},
    {"tensor", {"base"}},
    {"ops", {"tensor", "base"}},
    {"reference", {"tensor", "base"}},
    {"cpu", {"reference", "tensor", "base"}},
    {"cuda", {"cuda_plugin.h", "tensor", "base"}},
    {"weights", {"ops", "tensor", "base"}},
    {"nn", {"weights", "ops", "tensor", "base"}},
    {"models", {"nn", "weights", "ops", "tensor", "base"}},
    {"text", {"base"}},
    {"sampling", {"base"}},
    {"hub", {"base"}},
    {"image", {"base"}},
    {"pipeline", {"backends.h", "models", "nn", "weights", "ops", "tensor", "text", "sampling", "image", "hub", "base"}},
    {"server", {"pipeline", "backends.h", "hub", "models", "nn", "weights", "ops", "tensor", "text", "sampling", "image", "base"}},
    {"cli", {"server", "pipeline", "backends.h", "hub", "models", "nn", "weights", "ops", "tensor", "text", "sampling", "image", "base"}},
    {"backends.h", {"tensor", "base"}},
    {"backends.cpp", {"backends.h", "cuda_plugin.h", "reference", "cpu", "tensor", "base"}},
    {"cuda_plugin.h", {"tensor", "base"}},
    {"cuda_plugin.cpp", {"cuda_plugin.h", "tensor", "base"}},
};

bool is_source(const fs::path& path) { return path.extension() == ".cpp" || path.extension() == ".h" || path.extension() == ".cu" || path.extension() == ".cuh"; }

std::vector<fs::path> sources(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && is_source(entry.path())) files.push_back(entry.path());
  return files;
}

// The first part of the path below src/: a folder, or the name of a file that lies there itself.
std::string owner(const fs::path& relative) { return relative.begin()->string(); }

std::vector<std::string> quoted_includes(const std::string& text) {
  static const std::regex pattern("(?:^|\n)[ \t]*#[ \t]*include[ \t]*\"([^\"]+)\"");
  std::vector<std::string> names;
  for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it) names.push_back((*it)[1]);
  return names;
}

// "" or what is wrong.
std::string fault(const std::string& folder, const std::string& include, const fs::path& src) {
  const auto row = allowed.find(folder);
  if (row == allowed.end()) return "folder " + folder + " has no row in the table of this test";
  if (!fs::exists(src / include)) return "includes \"" + include + "\", which is no path below src/";
  const std::string target = owner(include);
  return target == folder || row->second.count(target) ? "" : folder + " may not include " + include;
}

TEST(Structure, FoldersIncludeOnlyWhatStandsBelowThem) {
  const fs::path src = source_dir() / "src";
  size_t checked = 0;
  for (const fs::path& file : sources(src)) {
    const fs::path relative = fs::relative(file, src);
    for (const std::string& include : quoted_includes(read_text(file))) {
      EXPECT_EQ(fault(owner(relative), include, src), "") << relative;
      ++checked;
    }
  }
  EXPECT_GT(checked, 100u);
}

TEST(Structure, TheTableForbidsWhatItShould) {
  const fs::path src = source_dir() / "src";
  EXPECT_EQ(fault("ops", "tensor/backend.h", src), "");
  EXPECT_NE(fault("tensor", "ops/ops.h", src), "");
  EXPECT_NE(fault("sampling", "models/unet.h", src), "");
  EXPECT_NE(fault("models", "pipeline/engine.h", src), "");
  EXPECT_NE(fault("pipeline", "cli/console.h", src), "");
  EXPECT_NE(fault("models", "cpu/kernels.h", src), "");
  EXPECT_NE(fault("server", "cli/console.h", src), "");
  EXPECT_NE(fault("pipeline", "server/queue.h", src), "");
}

TEST(Structure, FilesAreShort) {
  for (const char* folder : {"src", "tests", "include", "examples", "bench", "fuzz"})
    for (const fs::path& file : sources(source_dir() / folder)) {
      const std::string text = read_text(file);
      EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 450) << file;
    }
}

TEST(Structure, FilesSayWhatTheyAreInTheirFirstLine) {
  for (const fs::path& file : sources(source_dir() / "src")) EXPECT_TRUE(read_text(file).starts_with("//")) << file;
}

}  // namespace
}  // namespace imagent::test
