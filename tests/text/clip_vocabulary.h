// The real CLIP vocabulary for tests.
#pragma once
#include "support/golden.h"
#include "text/clip_table.h"
#include "text/tokenizer.h"

namespace imagent::test {

// SD 1.x, SDXL encoder 1: padded with the end token.
inline const ClipTokenizer& tokenizer_l() {
  static const ClipTokenizer tokenizer = ClipTokenizer::from_bpe_table(clip_bpe_table());
  return tokenizer;
}
// SD 2.x, SDXL encoder 2: padded with "!".
inline const ClipTokenizer& tokenizer_h() {
  static const ClipTokenizer tokenizer = ClipTokenizer::from_bpe_table(clip_bpe_table(), "!");
  return tokenizer;
}

}  // namespace imagent::test
