// Parser of prompt editing. Within a node every bracket must belong to a node; outside of nodes brackets and colons
// are text. So the bracket that matches is always the nearest open one, and one that fails turns all open ones into text.
#include "text/schedule_tree.h"

#include <utility>

#include "base/str.h"
#include "text/unicode.h"

namespace imagent {
namespace {

using Kind = ScheduleNode::Kind;
using Children = ScheduleNode::Children;

struct Frame {  // an open bracket and what stands behind it so far
  size_t open;
  std::vector<Children> segments{Children()};
  std::vector<size_t> separators{};  // where the ':' and '|' between the segments are
};

bool is_signed_number(std::string_view text) {
  double value = 0;
  const size_t sign = !text.empty() && (text[0] == '+' || text[0] == '-');
  const bool starts = text.size() > sign && std::string_view(".0123456789").find(text[sign]) != std::string_view::npos;
  return starts && parse_number(text, value);
}

class Parser {
 public:
  explicit Parser(std::string_view prompt) : prompt_(prompt) {}

  std::optional<ScheduleTree> parse() {
    for (size_t at = 0; at < prompt_.size() && ok_;) {
      const char c = prompt_[at];
      if (std::string_view("[]():|").find(c) == std::string_view::npos) {
        const size_t end = plain_end(at);
        add({Kind::text, prompt_.substr(at, end - at)});
        at = end;
        continue;
      }
      if (c == '(' || c == '[')
        frames_.push_back({at});
      else if (c == ')' || c == ']')
        close(at);
      else
        separate(at);
      ++at;
    }
    give_up();
    if (!ok_) return std::nullopt;
    return std::move(tree_);
  }

 private:
  // End of the text at `at`; a backslash takes the next character with it, which may not be a line end.
  size_t plain_end(size_t at) {
    while (at < prompt_.size() && std::string_view("[]():|").find(prompt_[at]) == std::string_view::npos) {
      if (prompt_[at] == '\\' && (++at == prompt_.size() || prompt_[at] == '\n')) {
        ok_ = false;
        return at;
      }
      ++at;
    }
    return at;
  }

  Children& current() { return frames_.empty() ? tree_.top : frames_.back().segments.back(); }

  void add(ScheduleNode node) {
    tree_.nodes.push_back(std::move(node));
    current().push_back(static_cast<int>(tree_.nodes.size()) - 1);
  }
  void add_sign(size_t at) { add({Kind::text, prompt_.substr(at, 1)}); }

  void separate(size_t at) {
    if (frames_.empty()) {
      ok_ = prompt_[at] != '|';
      add_sign(at);
    } else {
      frames_.back().separators.push_back(at);
      frames_.back().segments.emplace_back();
    }
  }

  void close(size_t at) {
    const bool pair = !frames_.empty() && (prompt_[frames_.back().open] == '(') == (prompt_[at] == ')');
    if (!pair || !close_node(at)) {
      give_up();
      if (ok_) add_sign(at);
    }
  }

  // Makes a node of the innermost frame if its content allows one.
  bool close_node(size_t at) {
    Frame& frame = frames_.back();
    size_t bars = 0;
    for (const size_t separator : frame.separators) bars += prompt_[separator] == '|';
    const size_t colons = frame.separators.size() - bars;
    const bool square = prompt_[at] == ']';

    ScheduleNode node;
    if (bars > 0 && colons == 0 && square) {
      node = {Kind::alternate, {}, std::move(frame.segments)};
    } else if (bars == 0 && (colons == 0 || (colons == 1 && !square))) {
      node = emphasis(frame, at);
    } else if (bars == 0 && colons <= 2 && square) {
      const size_t begin = frame.separators.back() + 1;
      const std::string_view when = trim_space(prompt_.substr(begin, at - begin));
      if (!is_signed_number(when)) return false;
      if (colons == 1) frame.segments.insert(frame.segments.begin(), Children());
      frame.segments.pop_back();
      node = {Kind::scheduled, when, std::move(frame.segments)};
    } else {
      return false;
    }
    frames_.pop_back();
    add(std::move(node));
    return true;
  }

  // (x), (x:y) and [x] keep their brackets for the emphasis grammar.
  ScheduleNode emphasis(Frame& frame, size_t close) {
    const auto sign = [&](size_t at) {
      tree_.nodes.push_back({Kind::text, prompt_.substr(at, 1)});
      return static_cast<int>(tree_.nodes.size()) - 1;
    };
    Children all{sign(frame.open)};
    for (size_t i = 0; i < frame.segments.size(); ++i) {
      if (i > 0) all.push_back(sign(frame.separators[i - 1]));
      all.insert(all.end(), frame.segments[i].begin(), frame.segments[i].end());
    }
    all.push_back(sign(close));
    return {Kind::group, {}, {std::move(all)}};
  }

  // Turns every open bracket into text of the top level.
  void give_up() {
    const std::vector<Frame> frames = std::exchange(frames_, {});
    for (const Frame& frame : frames) {
      add_sign(frame.open);
      for (size_t i = 0; i < frame.segments.size(); ++i) {
        if (i > 0) separate(frame.separators[i - 1]);
        if (!ok_) return;
        tree_.top.insert(tree_.top.end(), frame.segments[i].begin(), frame.segments[i].end());
      }
    }
  }

  std::string_view prompt_;
  ScheduleTree tree_;
  std::vector<Frame> frames_;
  bool ok_ = true;
};

}  // namespace

std::optional<ScheduleTree> parse_schedule(std::string_view prompt) { return Parser(prompt).parse(); }

}  // namespace imagent
