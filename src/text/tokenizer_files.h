// A vocabulary as the files of a tokenizer folder (transformers CLIPTokenizer).
#pragma once
#include <map>
#include <string>

#include "text/vocabulary.h"

namespace imagent {

// File name -> text: vocab.json, merges.txt, tokenizer_config.json, special_tokens_map.json. read_vocabulary() reads them
// back as they were.
std::map<std::string, std::string> tokenizer_files(const ClipVocabulary& vocabulary);

}  // namespace imagent
