// Listing folders of adapters.
#include "pipeline/named_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "base/str.h"

namespace imagent {

namespace fs = std::filesystem;

std::map<std::string, fs::path> named_files(const fs::path& folder) {
  constexpr std::array<std::string_view, 5> endings = {".safetensors", ".pt", ".ckpt", ".bin", ".pth"};
  std::map<std::string, fs::path> files;
  std::error_code error;
  if (folder.empty() || !fs::exists(folder, error)) return files;
  std::set<fs::path> paths;
  fs::recursive_directory_iterator entries(folder, fs::directory_options::skip_permission_denied, error), end;
  for (; !error && entries != end; entries.increment(error)) {
    std::error_code unreadable;
    if (!entries->is_regular_file(unreadable)) continue;
    const std::string ending = lower_ascii(entries->path().extension().string());
    if (std::find(endings.begin(), endings.end(), ending) != endings.end()) paths.insert(entries->path());
  }
  check(!error, ErrorKind::usage, "the folder ", folder.string(), " cannot be read: ", error.message());
  for (const fs::path& path : paths) files.emplace(path.stem().string(), path);
  return files;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& [name, path] : named_files(folder)) names.push_back(name);
  return names;
}

FileStamp stamp_of(const fs::path& file) {
  std::error_code size_error, time_error;
  const FileStamp stamp{fs::file_size(file, size_error), fs::last_write_time(file, time_error)};
  check(!size_error && !time_error, ErrorKind::model, "there is no file ", file.string());
  return stamp;
}

std::string model_stamp(const fs::path& model) {
  constexpr int depth = 1;  // model/unet/file
  std::error_code error;
  std::set<fs::path> files;
  if (fs::is_regular_file(model, error)) files.insert(model);
  fs::recursive_directory_iterator entries(model, fs::directory_options::skip_permission_denied, error), end;
  for (; !error && entries != end; entries.increment(error)) {
    std::error_code unreadable;
    if (entries.depth() >= depth) entries.disable_recursion_pending();
    if (entries->is_regular_file(unreadable)) files.insert(entries->path());
  }
  std::string text;
  for (const fs::path& file : files) {
    struct stat status {};  // one question for both: each job asks for all files of its model
    stat(file.c_str(), &status);
    text += str(file.string(), " ", status.st_size, " ", status.st_mtim.tv_sec, " ", status.st_mtim.tv_nsec, "\n");
  }
  return text;
}

}  // namespace imagent
