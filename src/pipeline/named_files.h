// Files of a folder that people call by their names without the ending: LoRAs, embeddings.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace imagent {

// Name -> file, of all weight files in the folder and those below it. A name can only mean a file that is listed, so no
// name, whoever wrote it, leaves the folder. Of two files of one name the first in the order of paths counts. An absent or
// unnamed folder has no files. Errors: usage, when the folder cannot be read.
std::map<std::string, std::filesystem::path> named_files(const std::filesystem::path& folder);

std::vector<std::string> names_in(const std::filesystem::path& folder);  // sorted

// Whether a file is still the one that was read: its size and time of change.
struct FileStamp {
  std::uintmax_t size = 0;
  std::filesystem::file_time_type changed{};

  bool operator==(const FileStamp&) const = default;
};
// Errors: model, when there is no such file.
FileStamp stamp_of(const std::filesystem::path& file);

// The same for a model: a file, or a folder with its parts. Another text once one of its files was written anew; "" when there is none.
std::string model_stamp(const std::filesystem::path& model);

}  // namespace imagent
