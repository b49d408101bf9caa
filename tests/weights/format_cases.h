// The good and broken files of golden/formats: what each is expected to do stands in its folder's cases.json.
#pragma once
#include <gtest/gtest.h>

#include <functional>

#include "support/golden.h"

namespace imagent::test {

using OpenFile = std::function<std::shared_ptr<const Source>(const std::filesystem::path&)>;

// Reads every tensor: views have to be readable to their last byte.
inline size_t read_all(const Source& source) {
  size_t sum = 0;
  for (const std::string& name : source.names()) {
    const auto view = source.find(name);
    for (const std::byte b : view->bytes) sum += static_cast<size_t>(b);
  }
  return sum;
}

// Opens each file that cases.json lists: "load" ones have to open, "refuse" ones have to end in an Error of kind model that
// names the file; "... or ..." may do either. Gives the texts of the errors by file.
inline std::map<std::string, std::string> run_cases(const std::string& folder, const OpenFile& open) {
  std::map<std::string, std::string> errors;
  const auto at = golden("formats/" + folder);
  const nlohmann::json cases = read_json(at / "cases.json");
  for (const auto& [file, expected] : cases.items()) {
    SCOPED_TRACE(file + ": " + expected["note"].get<std::string>());
    const std::string outcome = expected["expected"];
    try {
      const auto source = open(at / file);
      EXPECT_NE(outcome, "refuse");
      if (outcome == "load" && file != "all_types.gguf") read_all(*source);
    } catch (const Error& error) {
      EXPECT_NE(outcome, "load") << error.text;
      EXPECT_EQ(error.kind, ErrorKind::model) << error.text;
      EXPECT_NE(error.text.find(file), std::string::npos) << error.text;
      errors[file] = error.text;
    }
  }
  return errors;
}

// Same dtype, shape and bytes.
inline void expect_same(const TensorView& got, const TensorView& want) {
  EXPECT_EQ(name_of(got.dtype), name_of(want.dtype));
  EXPECT_EQ(got.shape, want.shape);
  ASSERT_EQ(got.bytes.size(), want.bytes.size());
  EXPECT_TRUE(std::equal(got.bytes.begin(), got.bytes.end(), want.bytes.begin()));
}

}  // namespace imagent::test
