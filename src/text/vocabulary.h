// What a CLIP tokenizer is made of, read from a model's tokenizer folder or from OpenAI's byte-pair table.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace imagent {

// A token that is found in the text as it is, before words are split.
struct SpecialToken {
  std::string text;
  bool normalized = false;  // found after lower-casing (true) or in the raw text
};

struct ClipVocabulary {
  std::string origin = "vocabulary";                        // named in errors: a folder, usually
  std::unordered_map<std::string, int> ids;                 // "cat</w>" -> 2368, in GPT-2's byte alphabet
  std::vector<std::pair<std::string, std::string>> merges;  // by rank
  SpecialToken start{"<|startoftext|>", true};
  SpecialToken end{"<|endoftext|>", true};
  SpecialToken pad{"<|endoftext|>", false};
  SpecialToken unknown{"<|endoftext|>", true};
};

// Reads vocab.json, merges.txt and, when they are there, tokenizer_config.json and special_tokens_map.json (which
// wins over the former). The files are untrusted. Errors: tokenizer, naming the file.
ClipVocabulary read_vocabulary(const std::filesystem::path& folder);

// The unpacked text of bpe_simple_vocab_16e6.txt: the 49,408 entries that all Stable Diffusion models share.
// `pad` is "<|endoftext|>" (SD 1.x, SDXL encoder 1) or "!" (SD 2.x, SDXL encoder 2).
ClipVocabulary vocabulary_from_bpe_table(std::string_view table, std::string pad = "<|endoftext|>");

// GPT-2's printable stand-ins for the 256 byte values, as UTF-8, by byte value.
const std::vector<std::string>& byte_symbols();

}  // namespace imagent
