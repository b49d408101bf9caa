// CLIP's byte-pair tokenizer: special tokens, normalisation, words, merges and a cache of words.
#include "text/tokenizer.h"

#include <algorithm>
#include <mutex>

#include "base/error.h"
#include "base/printable.h"
#include "text/byte_pairs.h"
#include "text/unicode.h"
#include "text/word_split.h"

namespace imagent {
namespace {

constexpr size_t most_cached_words = 16384;
constexpr size_t longest_cached_word = 256;

struct KnownSpecial {
  std::string text;
  bool normalized;
  int id;
};

}  // namespace

struct ClipTokenizer::Tables {
  std::unordered_map<std::string, int> ids;
  std::unordered_map<int, std::string> pieces;
  MergeTable merges;
  std::vector<int> inner_byte, last_byte;  // id by byte value, inside and at the end of a word
  std::vector<KnownSpecial> specials;
  int start = 0, end = 0, pad = 0;
  mutable std::mutex mutex;
  mutable std::unordered_map<std::string, std::vector<int>> cache;

  int require(const std::string& piece, const std::string& origin) const {
    const auto found = ids.find(piece);
    if (found == ids.end()) fail(ErrorKind::tokenizer, origin, ": \"", printable(piece), "\" is not in the vocabulary");
    return found->second;
  }

  // A later special token of the same text replaces the earlier one, as in the files' loader.
  int add_special(const SpecialToken& token, const std::string& origin) {
    std::erase_if(specials, [&](const KnownSpecial& known) { return known.text == token.text; });
    specials.push_back({token.text, token.normalized, require(token.text, origin)});
    return specials.back().id;
  }

  const KnownSpecial* special_at(std::string_view text, bool normalized) const {
    const KnownSpecial* longest = nullptr;
    for (const KnownSpecial& special : specials)
      if (special.normalized == normalized && text.starts_with(special.text) && (!longest || special.text.size() > longest->text.size()))
        longest = &special;
    return longest;
  }

  // Calls rest(text) for what lies between special tokens and appends the ids of those.
  template <class Rest>
  void cut_specials(std::string_view text, bool normalized, std::vector<int>& out, const Rest& rest) const {
    size_t begin = 0;
    for (size_t at = 0; at < text.size();) {
      const KnownSpecial* special = special_at(text.substr(at), normalized);
      if (!special) {
        ++at;
        continue;
      }
      rest(text.substr(begin, at - begin));
      out.push_back(special->id);
      begin = at += special->text.size();
    }
    rest(text.substr(begin));
  }

  std::vector<int> encode_word(std::string_view word) const {
    std::vector<int> symbols;
    symbols.reserve(word.size());
    for (const char byte : word) symbols.push_back(inner_byte[static_cast<uint8_t>(byte)]);
    symbols.back() = last_byte[static_cast<uint8_t>(word.back())];
    return merge_pairs(symbols, merges);
  }

  void append_word(std::string_view word, std::vector<int>& out) const {
    if (word.size() > longest_cached_word) {
      const std::vector<int> ids = encode_word(word);
      out.insert(out.end(), ids.begin(), ids.end());
      return;
    }
    const std::lock_guard lock(mutex);
    if (cache.size() >= most_cached_words) cache.clear();
    const auto [entry, fresh] = cache.try_emplace(std::string(word));
    if (fresh) entry->second = encode_word(word);
    out.insert(out.end(), entry->second.begin(), entry->second.end());
  }
};

ClipTokenizer::ClipTokenizer(const ClipVocabulary& vocabulary) {
  const auto tables = std::make_shared<Tables>();
  const std::string& origin = vocabulary.origin;
  tables->ids = vocabulary.ids;
  for (const auto& [piece, id] : vocabulary.ids) tables->pieces.emplace(id, piece);

  tables->start = tables->add_special(vocabulary.start, origin);
  tables->end = tables->add_special(vocabulary.end, origin);
  const int unknown = tables->add_special(vocabulary.unknown, origin);
  tables->pad = tables->add_special(vocabulary.pad, origin);

  for (const std::string& symbol : byte_symbols()) {
    const auto id_or_unknown = [&](const std::string& piece) {
      const auto found = tables->ids.find(piece);
      return found == tables->ids.end() ? unknown : found->second;
    };
    tables->inner_byte.push_back(id_or_unknown(symbol));
    tables->last_byte.push_back(id_or_unknown(symbol + "</w>"));
  }
  tables->merges.reserve(vocabulary.merges.size());
  int rank = 0;
  for (const auto& [left, right] : vocabulary.merges) {
    const int left_id = tables->require(left, origin), right_id = tables->require(right, origin);
    tables->merges.add(left_id, right_id, {rank++, tables->require(left + right, origin)});
  }
  tables_ = tables;
}

std::vector<int> ClipTokenizer::encode(std::string_view text) const {
  check_utf8(text, "the text");
  std::vector<int> out;
  tables_->cut_specials(text, false, out, [&](std::string_view raw) {
    const std::string lower = to_lower(to_nfc(raw));
    tables_->cut_specials(lower, true, out, [&](std::string_view plain) {
      for (const std::string_view word : split_words(plain)) tables_->append_word(word, out);
    });
  });
  return out;
}

std::vector<std::string> ClipTokenizer::pieces(std::span<const int> ids) const {
  std::vector<std::string> out;
  out.reserve(ids.size());
  for (const int id : ids) {
    const auto found = tables_->pieces.find(id);
    out.push_back(found == tables_->pieces.end() ? std::string() : found->second);
  }
  return out;
}

int ClipTokenizer::id_of(const std::string& piece) const {
  const auto found = tables_->ids.find(piece);
  return found == tables_->ids.end() ? -1 : found->second;
}

int ClipTokenizer::start_id() const { return tables_->start; }
int ClipTokenizer::end_id() const { return tables_->end; }
int ClipTokenizer::pad_id() const { return tables_->pad; }
size_t ClipTokenizer::vocabulary_size() const { return tables_->ids.size(); }

}  // namespace imagent
