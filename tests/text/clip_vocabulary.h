// The real CLIP vocabulary for tests, unpacked once.
#pragma once
#include "support/golden.h"
#include "text/gzip.h"
#include "text/tokenizer.h"

namespace imagent::test {

inline const std::string& clip_table() {
  static const std::string table = [] {
    const std::string packed = read_text(source_dir() / "data/clip/bpe_simple_vocab_16e6.txt.gz");
    return gunzip(std::as_bytes(std::span(packed)));
  }();
  return table;
}
// SD 1.x, SDXL encoder 1: padded with the end token.
inline const ClipTokenizer& tokenizer_l() {
  static const ClipTokenizer tokenizer = ClipTokenizer::from_bpe_table(clip_table());
  return tokenizer;
}
// SD 2.x, SDXL encoder 2: padded with "!".
inline const ClipTokenizer& tokenizer_h() {
  static const ClipTokenizer tokenizer = ClipTokenizer::from_bpe_table(clip_table(), "!");
  return tokenizer;
}

}  // namespace imagent::test
