// Styles, wildcards and comments.
#include "text/rewrite.h"

#include "base/error.h"
#include "text/unicode.h"

namespace imagent {
namespace {

constexpr std::string_view fence = "__";
constexpr size_t longest_name = 256;
constexpr int deepest = 16;
constexpr size_t largest_prompt = size_t{1} << 20;

// The name between the fences at `at`, "" when there is none. White space at its ends makes it ordinary text.
std::string_view wildcard_name(std::string_view text, size_t at) {
  text = text.substr(at + fence.size(), longest_name + fence.size());
  const std::string_view name = text.substr(0, text.find(fence));
  const bool closed = name.size() < text.size();
  return closed && trim_space(name).size() == name.size() && name.find_first_of("\n,<>()[]{}|:") == std::string_view::npos ? name : std::string_view();
}

void expand(std::string_view text, const Wildcards& wildcards, int depth, std::string& out) {
  check(depth <= deepest, ErrorKind::usage, "wildcards contain each other more than ", deepest, " deep");
  const auto append = [&](std::string_view part) {
    check(out.size() + part.size() <= largest_prompt, ErrorKind::usage, "wildcards make the prompt larger than ", largest_prompt, " bytes");
    out += part;
  };
  size_t begin = 0;
  for (size_t at = text.find(fence); at != std::string_view::npos; at = text.find(fence, at)) {
    const std::string_view name = wildcard_name(text, at);
    const std::vector<std::string>* lines = name.empty() ? nullptr : wildcards.lines(std::string(name));
    if (!lines || lines->empty()) {
      ++at;
      continue;
    }
    append(text.substr(begin, at - begin));
    const size_t chosen = wildcards.pick(lines->size());
    check(chosen < lines->size(), "wildcard pick ", chosen, " of ", lines->size());
    expand((*lines)[chosen], wildcards, depth + 1, out);
    begin = at += name.size() + 2 * fence.size();
  }
  append(text.substr(begin));
}

}  // namespace

// A comment goes with the line end behind it, and with the one before it when it has a line for itself; one is put back.
std::string strip_comments(std::string_view prompt) {
  std::string out;
  for (size_t at = 0; at < prompt.size();) {
    const size_t mark = prompt.find('#', at);
    out += prompt.substr(at, mark - at);
    if (mark == std::string_view::npos) break;
    if (out.ends_with('\n')) out.pop_back();
    out += '\n';
    const size_t end = prompt.find('\n', mark);
    at = end == std::string_view::npos ? prompt.size() : end + 1;
  }
  return out;
}

std::string apply_style(std::string_view prompt, std::string_view style) {
  constexpr std::string_view place = "{prompt}";
  if (style.find(place) == std::string_view::npos) {
    prompt = trim_space(prompt);
    style = trim_space(style);
    return str(prompt, prompt.empty() || style.empty() ? "" : ", ", style);
  }
  std::string out;
  for (size_t at = style.find(place); at != std::string_view::npos; at = style.find(place)) {
    out += style.substr(0, at);
    out += prompt;
    style.remove_prefix(at + place.size());
  }
  return out += style;
}

std::string expand_wildcards(std::string_view prompt, const Wildcards& wildcards) {
  std::string out;
  expand(prompt, wildcards, 0, out);
  return out;
}

}  // namespace imagent
