// What happens to a prompt's text before its grammar is read: styles, wildcards, comments.
#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace imagent {

// Removes "# ..." up to the end of the line. A1111 modules/processing_scripts/comments.py.
std::string strip_comments(std::string_view prompt);

// Puts the prompt in place of every "{prompt}" of the style, or else appends the style with ", ". A1111 modules/styles.py.
std::string apply_style(std::string_view prompt, std::string_view style);

struct Wildcards {
  // The lines to choose from, null for an unknown name (whose __name__ then stays in the prompt).
  std::function<const std::vector<std::string>*(const std::string& name)> lines;
  std::function<size_t(size_t count)> pick;  // an index below count
};

// Replaces each __name__ by one of its lines, wildcards within those included. Errors: usage (lines that contain each
// other more than 16 deep, or a result larger than 1 MiB).
std::string expand_wildcards(std::string_view prompt, const Wildcards& wildcards);

}  // namespace imagent
