// The built web page is the one of its sources; without node, by the hash that its build writes into it (web/vite.config.ts).
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "hub/digest.h"
#include "support/golden.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST(Page, IsBuiltFromItsSources) {
  const fs::path web = source_dir() / "web";
  std::vector<std::string> files = {"index.html", "package-lock.json", "tsconfig.json", "vite.config.ts"};
  for (const auto& entry : fs::recursive_directory_iterator(web / "src"))
    if (entry.is_regular_file()) files.push_back(entry.path().lexically_relative(web));
  std::sort(files.begin(), files.end());
  std::string all;
  for (const std::string& file : files) all += file + "\n" + content(web / file);
  const std::string hash = sha256_of(std::as_bytes(std::span(all)));
  EXPECT_NE(content(web / "dist/index.html").find("name=\"sources\" content=\"" + hash + "\""), std::string::npos)
      << "web/dist/index.html is older than web/src: npm run build in web/ makes it anew";
}

}  // namespace
}  // namespace imagent::test
