// Layout and file contents as huggingface_hub writes them (file_download.py: _create_symlink, _cache_commit_hash_for_specific_revision).
#include "hub/cache.h"

#include <unistd.h>

#include <atomic>
#include <fstream>

#include "base/atomic_file.h"
#include "base/error.h"

namespace imagent {
namespace {

namespace fs = std::filesystem;

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  check(!error, ErrorKind::io, "cannot make the folder ", folder.string(), ": ", error.message());
}

void write_text(const fs::path& path, std::string_view text) {
  make_folder(path.parent_path());
  write_file_atomically(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

// A link appears whole: it is made under another name first, so that a reader never finds none.
bool replace_by_link(const fs::path& target, const fs::path& link) {
  static std::atomic<unsigned> counter{0};
  const fs::path temporary = link.parent_path() / str(".imagent-", getpid(), '-', counter++, ".link");
  std::error_code error;
  fs::create_symlink(target, temporary, error);
  if (error) return false;
  fs::rename(temporary, link, error);
  if (!error) return true;
  fs::remove(temporary, error);
  return false;
}

}  // namespace

HubCache::HubCache(fs::path cache, const RepositoryId& repository, bool symlinks)
    : cache_(std::move(cache)), folder_(cache_ / repository.folder_name()), symlinks_(symlinks) {}

std::optional<std::string> HubCache::commit_of(const std::string& revision) const {
  if (is_commit(revision)) return revision;
  if (!is_safe_path(revision)) return std::nullopt;
  std::ifstream in(folder_ / "refs" / revision, std::ios::binary);
  std::string text(64, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  const std::string commit(trim(text));
  return is_commit(commit) ? std::optional(commit) : std::nullopt;
}

void HubCache::create() const {
  make_folder(folder_ / "blobs");
  make_folder(folder_ / "refs");
  make_folder(locks());
  std::error_code error;
  if (!fs::exists(cache_ / "CACHEDIR.TAG", error))
    write_text(cache_ / "CACHEDIR.TAG",
               "Signature: 8a477f597d28d172789f06886806bc55\n# This file is a cache directory tag (https://bford.info/cachedir/), made by imagent.\n");
}

void HubCache::link(const std::string& commit, const std::string& path, const std::string& etag) const {
  const fs::path pointer = snapshot(commit) / path;
  make_folder(pointer.parent_path());
  const fs::path target = fs::path(blob(etag)).lexically_relative(pointer.parent_path());
  std::error_code error;
  if (symlinks_ && (fs::read_symlink(pointer, error) == target || replace_by_link(target, pointer))) return;
  fs::rename(blob(etag), pointer, error);
  check(!error, ErrorKind::io, "cannot write ", pointer.string(), ": ", error.message());
}

void HubCache::write_ref(const std::string& revision, const std::string& commit) const {
  if (revision == commit || commit_of(revision) == commit) return;
  write_text(folder_ / "refs" / revision, commit);
}

void HubCache::write_no_exist(const std::string& commit, const std::string& path) const { write_text(folder_ / ".no_exist" / commit / path, ""); }

}  // namespace imagent
