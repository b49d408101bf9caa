// A folder of its own for each test, removed with the object.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/error.h"

namespace imagent::test {

class Scratch {
 public:
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "imagent_test_XXXXXX").string();
    check(mkdtemp(pattern.data()) != nullptr, "cannot make a folder for test files");
    path_ = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace imagent::test
