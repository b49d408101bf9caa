// CLIP's byte-pair table, built into the program: single files carry no tokenizer.
#pragma once
#include <string>

namespace imagent {

// The text of data/clip/bpe_simple_vocab_16e6.txt.gz, unpacked on first use.
const std::string& clip_bpe_table();

}  // namespace imagent
