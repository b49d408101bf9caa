// Written tokenizer folders are read back as they were.
#include "text/tokenizer_files.h"

#include <unistd.h>

#include <fstream>

#include "base/str.h"
#include "text/clip_vocabulary.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

TEST(TokenizerFiles, AreReadBackAsTheyWere) {
  const fs::path folder = fs::temp_directory_path() / str("imagent-tokenizer-", getpid());
  fs::create_directory(folder);
  for (const char* pad : {"<|endoftext|>", "!"}) {
    const ClipVocabulary want = vocabulary_from_bpe_table(clip_bpe_table(), pad);
    for (const auto& [name, text] : tokenizer_files(want)) std::ofstream(folder / name) << text;
    const ClipVocabulary got = read_vocabulary(folder);
    EXPECT_EQ(got.ids, want.ids);
    EXPECT_EQ(got.merges, want.merges);
    for (const auto& [a, b] : {std::pair{got.start, want.start}, {got.end, want.end}, {got.pad, want.pad}, {got.unknown, want.unknown}}) {
      EXPECT_EQ(a.text, b.text);
      EXPECT_EQ(a.normalized, b.normalized) << a.text;
    }
  }
  fs::remove_all(folder);
}

}  // namespace
}  // namespace imagent::test
