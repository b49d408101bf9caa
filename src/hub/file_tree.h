// What is done to all files below a folder. Links to folders are not followed.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>

namespace imagent {

// Everything that is no folder, links included; what cannot be read is left out.
void for_each_file(const std::filesystem::path& folder, const std::function<void(const std::filesystem::path&)>& visit);

uint64_t bytes_of_files(const std::filesystem::path& folder);         // what links lead to included
uint64_t bytes_without_links(const std::filesystem::path& folder);

void remove_tree(const std::filesystem::path& path);                  // Errors: io

}  // namespace imagent
