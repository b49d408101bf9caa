// SHA-256 of files and of bytes, MD5 of pictures, and the name that git gives a file's content.
#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

namespace imagent {

using Cancelled = std::function<bool()>;

// Lower-case hexadecimal. Errors: io when the file cannot be read, cancelled.
std::string sha256_of_file(const std::filesystem::path& path, const Cancelled& cancelled = {});
std::string sha256_of(std::span<const std::byte> bytes);
std::string md5_of(std::span<const std::byte> bytes);
std::string git_name_of_file(const std::filesystem::path& path, const Cancelled& cancelled = {});   // SHA-1 of "blob SIZE\0" and the content

}  // namespace imagent
