// A JSON file that is read anew and written whole each time: hashing a model takes far longer.
#include "hub/hash_cache.h"

#include "base/atomic_file.h"
#include "base/error.h"
#include "hub/json_text.h"
#include "hub/repository.h"

namespace imagent {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
constexpr size_t most_entries = 10000;

struct Identity {
  std::string path;
  uint64_t size;
  int64_t mtime;   // of the file system's clock
};

Identity identity_of(const fs::path& path) {
  std::error_code error;
  const fs::path whole = fs::canonical(path, error);
  check(!error, ErrorKind::io, "cannot read ", path.string(), ": ", error.message());
  const Identity identity{whole.string(), fs::file_size(whole, error), fs::last_write_time(whole, error).time_since_epoch().count()};
  check(!error, ErrorKind::io, "cannot read ", path.string(), ": ", error.message());
  return identity;
}

std::optional<std::string> remembered(const json& entries, const Identity& identity) {
  const auto entry = entries.find(identity.path);
  if (entry == entries.end() || !entry->is_object()) return std::nullopt;
  const std::string sha256 = text_at(*entry, "sha256");
  const bool same = entry->value("size", json()) == identity.size && entry->value("mtime", json()) == identity.mtime;
  return same && is_sha256(sha256) ? std::optional(sha256) : std::nullopt;
}

void write(const fs::path& file, const json& entries) {
  try {
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    const std::string text = entries.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
    write_file_atomically(file, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  } catch (const Error&) {   // then the next call computes again
  }
}

}  // namespace

std::optional<std::string> HashCache::find(const fs::path& path) const { return remembered(read_json_file(file_).value_or(json::object()), identity_of(path)); }

std::string HashCache::sha256(const fs::path& path, const Cancelled& cancelled) const {
  if (const auto known = find(path)) return *known;
  const Identity identity = identity_of(path);
  const std::string sha256 = sha256_of_file(path, cancelled);
  json entries = read_json_file(file_).value_or(json::object());   // another process may have written meanwhile
  if (entries.size() >= most_entries) entries = json::object();
  entries[identity.path] = {{"size", identity.size}, {"mtime", identity.mtime}, {"sha256", sha256}};
  write(file_, entries);
  return sha256;
}

}  // namespace imagent
