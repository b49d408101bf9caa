// Output file names: the pattern is read by hand and never reaches printf.
#include "image/output_path.h"

#include <algorithm>
#include <optional>

#include "base/error.h"

namespace imagent {

namespace {

std::string padded(long long number, size_t digits) {
  std::string text = std::to_string(number);
  if (text.size() < digits) text.insert(0, digits - text.size(), '0');
  return text;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Pattern {
  std::string before, after;        // %% already replaced
  std::optional<size_t> digits;     // none: the pattern holds no number
};

[[noreturn]] void bad_pattern(const std::string& text) {
  fail(ErrorKind::usage, "output \"", text, "\": a name may hold one %d or %05d (digits 1 to 9) for the picture's number, and %% for a percent sign");
}

Pattern read_pattern(const std::string& text) {
  Pattern pattern;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string& part = pattern.digits ? pattern.after : pattern.before;
    if (text[i] != '%') {
      part += text[i];
    } else if (text.compare(i, 2, "%%") == 0) {
      part += text[++i];
    } else if (!pattern.digits && text.compare(i, 2, "%d") == 0) {
      pattern.digits = 0;
      ++i;
    } else if (!pattern.digits && i + 3 < text.size() && text[i + 1] == '0' && text[i + 2] != '0' && is_digit(text[i + 2]) && text[i + 3] == 'd') {
      pattern.digits = static_cast<size_t>(text[i + 2] - '0');
      i += 3;
    } else {
      bad_pattern(text);
    }
  }
  return pattern;
}

// The number of "00012.png" -> 12; -1 for other names. More than 9 digits are somebody else's numbering.
long long number_of(const std::string& stem) {
  if (stem.empty() || stem.size() > 9 || !std::all_of(stem.begin(), stem.end(), is_digit)) return -1;
  return std::stoll(stem);
}

long long next_number(const std::filesystem::path& folder) {
  long long next = 0;
  std::error_code none;  // a folder that does not exist yet starts at 0
  for (std::filesystem::directory_iterator it(folder, none), end; !none && it != end; it.increment(none))
    next = std::max(next, number_of(it->path().stem().string()) + 1);
  return next;
}

}  // namespace

std::vector<std::filesystem::path> output_paths(const std::string& pattern, int count, std::string_view extension) {
  check(!pattern.empty(), ErrorKind::usage, "the output needs a name, for instance out.png, out_%d.png or a folder");
  const auto [before, after, digits] = read_pattern(pattern);
  std::vector<std::filesystem::path> paths;
  std::error_code none;
  const std::filesystem::path name = before;
  if (digits) {
    for (int i = 0; i < count; ++i) paths.push_back(before + padded(i, *digits) + after);
  } else if (!name.has_filename() || std::filesystem::is_directory(name, none)) {
    const long long first = next_number(name);
    for (int i = 0; i < count; ++i) paths.push_back(name / (padded(first + i, 5) + std::string(extension)));
  } else {
    const std::string stem = (name.parent_path() / name.stem()).string(), suffix = name.extension().string();
    for (int i = 0; i < count; ++i) paths.push_back(i == 0 ? name : std::filesystem::path(str(stem, '_', i, suffix)));
  }
  return paths;
}

}  // namespace imagent
