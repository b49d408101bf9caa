// SHA-256 of files, and the name that git gives a file's content.
#pragma once
#include <filesystem>
#include <functional>
#include <string>

namespace imagent {

using Cancelled = std::function<bool()>;

// Lower-case hexadecimal. Errors: io when the file cannot be read, cancelled.
std::string sha256_of_file(const std::filesystem::path& path, const Cancelled& cancelled = {});
std::string git_name_of_file(const std::filesystem::path& path, const Cancelled& cancelled = {});   // SHA-1 of "blob SIZE\0" and the content

}  // namespace imagent
