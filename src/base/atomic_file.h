// A file appears whole or not at all: bytes go to a temporary file beside the target, which then takes its name.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>

namespace imagent {

// Writes, syncs and renames; a target that exists is replaced, a symbolic link is followed, and a device or pipe is
// written directly. Whatever fails, no temporary file remains. Error: io with the path and the reason.
void write_file_atomically(const std::filesystem::path& path, std::span<const uint8_t> bytes);

}  // namespace imagent
