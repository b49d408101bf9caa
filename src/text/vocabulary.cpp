// Tokenizer files: vocab.json, merges.txt, special_tokens_map.json, tokenizer_config.json (transformers' CLIPTokenizer).
#include "text/vocabulary.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/printable.h"
#include "text/unicode.h"

namespace imagent {
namespace {

using nlohmann::json;
constexpr size_t largest_file = size_t{2} << 20;  // CLIP's have 1 MiB; as JSON values they take many times as much
constexpr size_t longest_token = 4096;
constexpr int deepest_json = 16;

std::string read_file(const std::filesystem::path& path) {
  std::error_code error;
  check(std::filesystem::is_regular_file(path, error), ErrorKind::tokenizer, path.string(), ": no such file; a tokenizer folder needs it");
  const auto size = std::filesystem::file_size(path, error);
  check(!error && size <= largest_file, ErrorKind::tokenizer, path.string(), ": larger than ", largest_file >> 20, " MiB, which no tokenizer file is");
  std::ifstream in(path, std::ios::binary);
  std::string text(static_cast<size_t>(size), '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  check(in.gcount() == static_cast<std::streamsize>(text.size()), ErrorKind::tokenizer, path.string(), ": cannot be read");
  return text;
}

json read_json_object(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  const auto limit_depth = [&](int depth, json::parse_event_t, json&) {
    check(depth <= deepest_json, ErrorKind::tokenizer, path.string(), ": nested deeper than ", deepest_json, " levels");
    return true;
  };
  try {
    json value = json::parse(text, limit_depth);
    check(value.is_object(), ErrorKind::tokenizer, path.string(), ": should hold a JSON object");
    return value;
  } catch (const json::parse_error& error) {
    fail(ErrorKind::tokenizer, path.string(), ": not valid JSON at byte ", error.byte);
  } catch (const json::exception&) {
    fail(ErrorKind::tokenizer, path.string(), ": not valid JSON");
  }
}

void read_ids(const std::filesystem::path& path, ClipVocabulary& vocabulary) {
  const json object = read_json_object(path);
  vocabulary.ids.reserve(object.size());
  for (const auto& [token, id] : object.items()) {
    check(token.size() <= longest_token, ErrorKind::tokenizer, path.string(), ": a token of ", token.size(), " bytes is too long");
    if (!id.is_number_integer()) fail(ErrorKind::tokenizer, path.string(), ": the id of \"", printable(token), "\" should be an integer");
    const auto value = id.is_number_unsigned() && id.get<uint64_t>() > INT32_MAX ? int64_t{-1} : id.get<int64_t>();
    if (value < 0 || value > INT32_MAX) fail(ErrorKind::tokenizer, path.string(), ": the id of \"", printable(token), "\" is outside 0..", INT32_MAX);
    vocabulary.ids.emplace(token, static_cast<int>(value));
  }
}

void add_merge(std::string_view line, const std::string& place, ClipVocabulary& vocabulary) {
  const size_t blank = line.find(' ');
  const bool pair = blank != std::string_view::npos && blank > 0 && blank + 1 < line.size() && line.find(' ', blank + 1) == std::string_view::npos;
  check(pair && line.size() <= 2 * longest_token, ErrorKind::tokenizer, place, ": merge ", vocabulary.merges.size() + 1,
        " should be two symbols with a blank between them");
  vocabulary.merges.emplace_back(line.substr(0, blank), line.substr(blank + 1));
}

std::vector<std::string_view> table_lines(std::string_view text) {
  std::vector<std::string_view> lines = split(text, '\n');
  for (std::string_view& line : lines)
    if (line.ends_with('\r')) line.remove_suffix(1);
  return lines;
}

void read_merges(const std::filesystem::path& path, ClipVocabulary& vocabulary) {
  const std::string text = read_file(path);
  check(is_valid_utf8(text), ErrorKind::tokenizer, path.string(), ": not valid UTF-8");
  bool first = true;
  for (const std::string_view line : table_lines(text)) {
    const bool header = std::exchange(first, false) && line.starts_with("#version");
    if (!header && !line.empty()) add_merge(line, path.string(), vocabulary);
  }
}

// A special token is written as its text or as an object with its text and flags.
void read_special(const json& object, const char* key, const std::filesystem::path& path, SpecialToken& token) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return;
  const bool plain = found->is_string();
  const auto content = plain ? json::const_iterator() : found->is_object() ? found->find("content") : json::const_iterator();
  check(plain || (found->is_object() && content != found->end() && content->is_string()), ErrorKind::tokenizer, path.string(), ": \"", key,
        "\" should be a text or an object with a text \"content\"");
  token.text = plain ? found->get<std::string>() : content->get<std::string>();
  token.normalized = !plain && found->value("normalized", json(false)) == json(true);
  check(!token.text.empty() && token.text.size() <= 256, ErrorKind::tokenizer, path.string(), ": \"", key, "\" should have 1 to 256 bytes");
}

void read_specials(const std::filesystem::path& path, ClipVocabulary& vocabulary) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return;
  const json object = read_json_object(path);
  read_special(object, "bos_token", path, vocabulary.start);
  read_special(object, "eos_token", path, vocabulary.end);
  read_special(object, "unk_token", path, vocabulary.unknown);
  read_special(object, "pad_token", path, vocabulary.pad);
  const auto length = object.find("model_max_length");
  // 77 is all that Stable Diffusion's text encoders have positions for; "unlimited" is written as 1e30.
  check(length == object.end() || !length->is_number() || length->get<double>() >= 77, ErrorKind::tokenizer, path.string(),
        ": \"model_max_length\" should be 77");
}

}  // namespace

const std::vector<std::string>& byte_symbols() {
  static const std::vector<std::string> symbols = [] {
    std::vector<std::string> table(256);
    char32_t substitute = 256;
    for (int byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
      append_utf8(table[byte], printable ? static_cast<char32_t>(byte) : substitute++);
    }
    return table;
  }();
  return symbols;
}

ClipVocabulary read_vocabulary(const std::filesystem::path& folder) {
  ClipVocabulary vocabulary;
  vocabulary.origin = folder.string();
  read_ids(folder / "vocab.json", vocabulary);
  read_merges(folder / "merges.txt", vocabulary);
  read_specials(folder / "tokenizer_config.json", vocabulary);
  read_specials(folder / "special_tokens_map.json", vocabulary);
  return vocabulary;
}

ClipVocabulary vocabulary_from_bpe_table(std::string_view table, std::string pad) {
  constexpr size_t size = 49408;
  constexpr size_t merges = size - 2 * 256 - 2;
  ClipVocabulary vocabulary;
  vocabulary.origin = "CLIP's byte-pair table";
  check(is_valid_utf8(table), ErrorKind::tokenizer, vocabulary.origin, ": not valid UTF-8");
  const std::vector<std::string_view> lines = table_lines(table);
  check(lines.size() > merges, ErrorKind::tokenizer, vocabulary.origin, ": has ", lines.size(), " lines, at least ", merges + 1, " are needed");
  for (size_t i = 1; i <= merges; ++i) add_merge(lines[i], vocabulary.origin, vocabulary);

  // Ids: the bytes, printable ones first; the bytes that end a word; the merges; start and end.
  std::vector<std::string> bytes;
  for (const bool printable : {true, false})
    for (const std::string& symbol : byte_symbols()) {
      size_t at = 0;
      if ((next_code_point(symbol, at) < 256) == printable) bytes.push_back(symbol);
    }
  vocabulary.ids.reserve(size);
  const auto add = [&](std::string token) { vocabulary.ids.emplace(std::move(token), static_cast<int>(vocabulary.ids.size())); };
  for (const std::string& symbol : bytes) add(symbol);
  for (const std::string& symbol : bytes) add(symbol + "</w>");
  for (const auto& [left, right] : vocabulary.merges) add(left + right);
  add(vocabulary.start.text);
  add(vocabulary.end.text);
  check(vocabulary.ids.size() == size, ErrorKind::tokenizer, vocabulary.origin, ": has ", vocabulary.ids.size(), " different entries instead of ", size);
  vocabulary.end.normalized = pad != vocabulary.end.text;  // as published: a plain pad token takes the flag from the end token
  vocabulary.pad.text = std::move(pad);
  return vocabulary;
}

}  // namespace imagent
