// Writing what vocabulary.cpp reads.
#include "text/tokenizer_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace imagent {

using nlohmann::ordered_json;

static ordered_json special(const SpecialToken& token) {
  return {{"content", token.text}, {"lstrip", false}, {"normalized", token.normalized}, {"rstrip", false}, {"single_word", false}};
}

static std::string pretty(const ordered_json& object) { return object.dump(2) + "\n"; }

std::map<std::string, std::string> tokenizer_files(const ClipVocabulary& v) {
  std::vector<std::pair<int, std::string>> by_id;
  for (const auto& [token, id] : v.ids) by_id.emplace_back(id, token);
  std::sort(by_id.begin(), by_id.end());
  ordered_json vocab = ordered_json::object();
  for (const auto& [id, token] : by_id) vocab[token] = id;

  std::string merges = "#version: 0.2\n";
  for (const auto& [left, right] : v.merges) merges += left + " " + right + "\n";

  ordered_json config = {{"add_prefix_space", false}}, map;
  for (const auto& [key, token] : {std::pair{"bos_token", &v.start}, {"eos_token", &v.end}, {"unk_token", &v.unknown}}) {
    map[key] = special(*token);
    config[key] = map[key];
    config[key]["__type"] = "AddedToken";
  }
  config["pad_token"] = map["pad_token"] = v.pad.text;
  config.update({{"do_lower_case", true}, {"errors", "replace"}, {"model_max_length", 77}, {"tokenizer_class", "CLIPTokenizer"}});
  return {{"vocab.json", vocab.dump() + "\n"}, {"merges.txt", merges}, {"tokenizer_config.json", pretty(config)}, {"special_tokens_map.json", pretty(map)}};
}

}  // namespace imagent
