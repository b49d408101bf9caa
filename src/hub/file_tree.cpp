// Walks with std::filesystem, without its exceptions.
#include "hub/file_tree.h"

#include "base/error.h"

namespace imagent {

namespace fs = std::filesystem;

static uint64_t size_of_file(const fs::path& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  return error ? 0 : size;
}

void for_each_file(const fs::path& folder, const std::function<void(const fs::path&)>& visit) {
  std::error_code error;
  fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error);
  for (const fs::recursive_directory_iterator end; !error && it != end; it.increment(error)) {
    std::error_code unreadable;
    if (!it->is_directory(unreadable)) visit(it->path());
  }
}

uint64_t bytes_of_files(const fs::path& folder) {
  uint64_t bytes = 0;
  for_each_file(folder, [&](const fs::path& file) { bytes += size_of_file(file); });
  return bytes;
}

uint64_t bytes_without_links(const fs::path& folder) {
  uint64_t bytes = 0;
  for_each_file(folder, [&](const fs::path& file) {
    std::error_code error;
    if (!fs::is_symlink(file, error)) bytes += size_of_file(file);
  });
  return bytes;
}

void remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  check(!error, ErrorKind::io, "cannot remove ", path.string(), ": ", error.message());
}

}  // namespace imagent
