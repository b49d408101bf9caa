// Styles and wildcards, from the files that users of the web UI have.
#include <gtest/gtest.h>

#include <fstream>

#include "base/str.h"
#include "pipeline/prompt_text.h"
#include "support/scratch.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string numbers(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += str(i, "\n");
  return text;
}

TEST(PromptText, WildcardsAreDrawnAsPythonDrawsThem) {
  const Scratch scratch;
  for (const int count : {3, 7, 1, 100, 1000, 5}) write(scratch / str("n", count, ".txt"), numbers(count));
  Request r;
  r.wildcards_dir = scratch.path().string();
  r.prompt = "__n3__ __n7__ __n1__ __n100__ __n1000__ __n5__";
  // g = random.Random(); g.seed(s); [g.choice(range(n)) for n in (3, 7, 1, 100, 1000, 5)]
  for (const auto& [seed, text] : {std::pair{0LL, "1 6 0 5 265 4"}, {5LL, "2 2 0 88 965 4"}, {42LL, "2 0 0 94 281 1"}, {4294967300LL, "0 6 0 53 767 1"}}) {
    r.seed = seed;
    EXPECT_EQ(with_wildcards(r).prompt, text) << seed;
  }
  EXPECT_TRUE(has_wildcards(r));
}

TEST(PromptText, WildcardNamesStayInTheirFolder) {
  const Scratch scratch;
  write(scratch / "secret.txt", "secret");
  write(scratch / "lists/animals/cat.txt", "tabby\r\n");
  Request r;
  r.seed = 1;
  r.wildcards_dir = (scratch / "lists").string();
  r.negative = "__animals/cat__";
  r.prompt = str("__../secret__ __", (scratch / "secret").string(), "__ __animals/../../secret__ __none__");
  const Request replaced = with_wildcards(r);
  EXPECT_EQ(replaced.prompt, r.prompt);
  EXPECT_EQ(replaced.negative, "tabby");
  r.negative.reset();
  EXPECT_FALSE(has_wildcards(r));
  r.wildcards_dir = (scratch / "nowhere").string();
  EXPECT_THROW(has_wildcards(r), Error);
}

TEST(PromptText, StylesOfATable) {
  const Scratch scratch;
  write(scratch / "styles.csv", "\xEF\xBB\xBFname,prompt,negative_prompt\r\n"
                                "oil,\"oil painting of {prompt}, \"\"thick\"\" paint\",\"photo,\nblurry\"\r\n"
                                "night,at night,\r\n");
  Request r;
  r.prompt = "a house";
  r.styles_file = (scratch / "styles.csv").string();
  r.styles = {"oil", "night"};
  const Request styled = with_styles(r);
  EXPECT_EQ(styled.prompt, "oil painting of a house, \"thick\" paint, at night");
  EXPECT_EQ(styled.negative, "photo,\nblurry");
  r.styles = {"oli"};
  try {
    with_styles(r);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.text.find("did you mean oil?"), std::string::npos) << error.text;
  }
  write(scratch / "styles.csv", "a,b\nc,d\n");
  EXPECT_THROW(with_styles(r), Error);
}

}  // namespace
}  // namespace imagent::test
