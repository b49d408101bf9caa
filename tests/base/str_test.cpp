#include "base/str.h"

#include "base/error.h"
#include "base/printable.h"
#include "support/golden.h"

namespace imagent {

TEST(Str, WritesArgumentsOneAfterAnother) { EXPECT_EQ(str("a", 1, 'b', 2.5), "a1b2.5"); }

TEST(Str, Utf8) {
  EXPECT_TRUE(is_valid_utf8("héllo \xF0\x9F\x90\xB1"));
  EXPECT_FALSE(is_valid_utf8("\xC3"));
  EXPECT_FALSE(is_valid_utf8("\xC0\xAF"));          // overlong
  EXPECT_FALSE(is_valid_utf8("\xED\xA0\x80"));      // surrogate
  EXPECT_FALSE(is_valid_utf8("\xF4\x90\x80\x80"));  // beyond U+10FFFF
}

TEST(Str, PrintableTexts) {
  EXPECT_EQ(printable("h\xc3\xa9llo\n\x1b[2J\x7f"), "h\xc3\xa9llo ?[2J?");
  EXPECT_EQ(printable("\xc2\x9b" "2J \xff\xc3"), "?2J ??");  // a control character of two bytes, and no UTF-8
  EXPECT_EQ(printable(std::string(300, 'a')), std::string(200, 'a') + "...");
  EXPECT_TRUE(is_valid_utf8(printable("a" + std::string(150, '\xc3') + std::string(150, '\xa9'))));
}

TEST(Str, NearestName) {
  EXPECT_EQ(nearest_name("eulr", {"euler", "heun"}), "euler");
  EXPECT_EQ(nearest_name("zzzzzz", {"euler", "heun"}), "");
}

TEST(Str, ParseNumber) {
  double d;
  long long i;
  EXPECT_TRUE(parse_number("-1.5e3", d));
  EXPECT_EQ(d, -1500);
  EXPECT_FALSE(parse_number("1.5x", d));
  EXPECT_FALSE(parse_number("", i));
  EXPECT_FALSE(parse_number("99999999999999999999", i));
}

TEST(Error, CheckNamesItsKind) {
  try {
    check(1 == 2, ErrorKind::usage, "size ", 7, " is odd");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind, ErrorKind::usage);
    EXPECT_EQ(e.text, "size 7 is odd");
  }
}

}  // namespace imagent
