// Names of the files that a run writes, from what the user gave as output.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace imagent {

// `count` paths for the pictures of one run:
//   "out_%d.png", "out_%05d.png"  numbered from 0 (%% is a percent sign)
//   an existing folder or "dir/"  dir/00000.png and on, after the highest number that is there
//   "out.png"                     out.png, then out_1.png, out_2.png
// `extension` (with its dot) is used in a folder. Error: usage for any other % and for an empty pattern.
std::vector<std::filesystem::path> output_paths(const std::string& pattern, int count, std::string_view extension = ".png");

}  // namespace imagent
