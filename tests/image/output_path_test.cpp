#include "image/output_path.h"

#include <unistd.h>

#include <fstream>

#include "base/error.h"
#include "support/golden.h"

namespace imagent {

using Paths = std::vector<std::filesystem::path>;

TEST(OutputPath, Numbered) {
  EXPECT_EQ(output_paths("out_%d.png", 3), (Paths{"out_0.png", "out_1.png", "out_2.png"}));
  EXPECT_EQ(output_paths("a/%03d", 2), (Paths{"a/000", "a/001"}));
  EXPECT_EQ(output_paths("100%%_%d.png", 1), (Paths{"100%_0.png"}));
  EXPECT_EQ(output_paths("%02d.png", 101).back(), "100.png");
}

TEST(OutputPath, PlainName) {
  EXPECT_EQ(output_paths("out.png", 1), (Paths{"out.png"}));
  EXPECT_EQ(output_paths("d.ir/out.png", 3), (Paths{"d.ir/out.png", "d.ir/out_1.png", "d.ir/out_2.png"}));
}

TEST(OutputPath, FolderContinuesItsNumbers) {
  const auto folder = std::filesystem::temp_directory_path() / str("imagent-output-", getpid());
  std::filesystem::create_directory(folder);
  EXPECT_EQ(output_paths(folder.string(), 1), (Paths{folder / "00000.png"}));
  for (const char* name : {"00007.png", "00009.jpg", "notes.txt", "99999999999.png", "12a.png"}) std::ofstream(folder / name) << "x";
  EXPECT_EQ(output_paths(folder.string() + "/", 2, ".webp"), (Paths{folder / "00010.webp", folder / "00011.webp"}));
  std::filesystem::remove_all(folder);
  EXPECT_EQ(output_paths("not-yet-there/", 1), (Paths{"not-yet-there/00000.png"}));
}

TEST(OutputPath, OtherPercentSignsAreRefused) {
  for (const char* bad : {"%s.png", "%n", "%5d.png", "%00d", "%012d.png", "%d_%d.png", "%", "a%", "%0", "%05", "%ld.png", "%*d", ""})
    try {
      output_paths(bad, 1);
      ADD_FAILURE() << bad << " was accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.kind, ErrorKind::usage) << bad;
    }
}

}  // namespace imagent
