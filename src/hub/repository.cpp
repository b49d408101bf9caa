// Validity of names (huggingface_hub utils/_validators.py, and stricter where a name becomes a path).
#include "hub/repository.h"

#include <algorithm>

#include "base/error.h"
#include "base/printable.h"

namespace imagent {
namespace {

constexpr size_t longest_name = 96, longest_path = 1024, longest_component = 255;

bool is_word(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// One half of org/name. "--" is what joins the halves in the cache, so neither may hold it.
bool is_name(std::string_view text) {
  if (text.empty() || text.size() > longest_name || !is_word(text.front()) || !is_word(text.back())) return false;
  if (text.find("--") != text.npos || text.find("..") != text.npos || text.ends_with(".git")) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_word(c) || c == '-' || c == '.'; });
}

std::string fault(std::string_view text, RepositoryId& id) {
  const size_t at = text.find('@');
  if (at != text.npos) id.revision = text.substr(at + 1);
  const std::string_view path = text.substr(0, at);
  const size_t slash = path.find('/');
  if (slash == path.npos) return "it should be ORG/NAME";
  const size_t second = path.find('/', slash + 1);
  id.name = path.substr(0, second);
  if (second != path.npos) id.file = path.substr(second + 1);
  if (!is_name(path.substr(0, slash)) || !is_name(std::string_view(id.name).substr(slash + 1)))
    return "ORG/NAME takes letters, digits, _, - and . (no --, no .., not .git at the end, at most 96 characters each)";
  if (second != path.npos && !is_safe_path(id.file)) return "the file's name is not allowed";
  return is_safe_path(id.revision) ? "" : "the revision should be a branch, a tag or a commit";
}

}  // namespace

std::string RepositoryId::folder_name() const {
  std::string folder = "models--" + name;
  const size_t slash = folder.find('/');
  return folder.replace(slash, 1, "--");
}

RepositoryId parse_repository(std::string_view text) {
  RepositoryId id;
  const std::string wrong = fault(text, id);
  check(wrong.empty(), ErrorKind::usage, "\"", printable(text), "\" names no repository: ", wrong);
  return id;
}

bool is_repository(std::string_view text) {
  RepositoryId id;
  return fault(text, id).empty();
}

bool is_commit(std::string_view text) { return text.size() == 40 && is_hex(text); }
bool is_sha256(std::string_view text) { return text.size() == 64 && is_hex(text); }

bool is_blob_name(std::string_view text) {
  return !text.empty() && text.size() <= 200 && std::all_of(text.begin(), text.end(), [](char c) { return is_word(c) || c == '-'; });
}

bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > longest_path || !is_valid_utf8(path)) return false;
  if (std::any_of(path.begin(), path.end(), [](unsigned char c) { return c < 32 || c == 127; })) return false;
  const std::vector<std::string_view> parts = split(path, '/');
  return std::all_of(parts.begin(), parts.end(),
                     [](std::string_view part) { return !part.empty() && part != "." && part != ".." && part.size() <= longest_component; });
}

}  // namespace imagent
