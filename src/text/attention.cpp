// A1111's emphasis grammar as a scanner: one pass over the prompt with a stack of open brackets.
#include "text/attention.h"

#include <cmath>

#include "base/str.h"
#include "text/unicode.h"

namespace imagent {
namespace {

constexpr double round_weight = 1.1;
constexpr double square_weight = 1 / 1.1;
constexpr size_t deepest = 256;

class Scanner {
 public:
  explicit Scanner(std::string_view rest) : rest_(rest) {}

  std::vector<WeightedText> scan() {
    while (!rest_.empty()) step();
    while (!round_.empty()) close(round_, round_weight);
    while (!square_.empty()) close(square_, square_weight);
    if (runs_.empty()) runs_.emplace_back();
    return merge_equal();
  }

 private:
  void step() {
    const char c = rest_.front();
    double weight = 0;
    if (c == '\\') {
      const bool escape = rest_.size() > 1 && std::string_view("\\()[]").find(rest_[1]) != std::string_view::npos;
      runs_.push_back({std::string(rest_.substr(1, escape ? 1 : 0))});
      rest_.remove_prefix(escape ? 2 : 1);
    } else if (c == '(' || c == '[') {
      (c == '(' ? round_ : square_).push_back(runs_.size());
      rest_.remove_prefix(1);
    } else if (const size_t length = round_.empty() ? 0 : explicit_weight(weight)) {
      close(round_, weight);
      rest_.remove_prefix(length);
    } else if (c == ')' && !round_.empty()) {
      close(round_, round_weight);
      rest_.remove_prefix(1);
    } else if (c == ']' && !square_.empty()) {
      close(square_, square_weight);
      rest_.remove_prefix(1);
    } else {
      const bool sign = c == ':' || c == ')' || c == ']';
      const size_t length = sign ? 1 : std::min(rest_.find_first_of("\\()[]:"), rest_.size());
      add_text(rest_.substr(0, length));
      rest_.remove_prefix(length);
    }
  }

  // Bytes of ":1.3)" at the start of the rest, 0 when it is something else.
  size_t explicit_weight(double& weight) const {
    if (rest_.front() != ':') return 0;
    const size_t begin = 1 + space_after(rest_, 1);
    const size_t sign = begin < rest_.size() && (rest_[begin] == '+' || rest_[begin] == '-');
    const size_t digits = std::min(rest_.find_first_not_of(".0123456789", begin + sign), rest_.size());
    if (digits == begin + sign) return 0;
    const size_t end = digits + space_after(rest_, digits);
    if (end >= rest_.size() || rest_[end] != ')') return 0;
    return parse_number(rest_.substr(begin, digits - begin), weight) && std::isfinite(weight) ? end + 1 : 0;
  }

  // Multiplies everything since the innermost open bracket; the limit on depth keeps this linear in the prompt.
  void close(std::vector<size_t>& open, double weight) {
    const size_t begin = open.back();
    open.pop_back();
    if (open.size() >= deepest) return;
    for (size_t i = begin; i < runs_.size(); ++i) runs_[i].weight *= weight;
  }

  void add_text(std::string_view text) {
    constexpr std::string_view word = "BREAK";
    size_t begin = 0;
    for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at)) {
      if (!stands_alone(text, at, word.size())) {
        at += word.size();
        continue;
      }
      const std::string_view before = text.substr(begin, at - begin);
      runs_.push_back({std::string(before.substr(0, before.size() - space_before(before, before.size())))});
      runs_.push_back({std::string(word), -1.0});
      begin = at += word.size() + space_after(text, at + word.size());
    }
    runs_.push_back({std::string(text.substr(begin))});
  }

  std::vector<WeightedText> merge_equal() {
    std::vector<WeightedText> merged;
    for (WeightedText& run : runs_) {
      if (!merged.empty() && merged.back().weight == run.weight)
        merged.back().text += run.text;
      else
        merged.push_back(std::move(run));
    }
    return merged;
  }

  std::string_view rest_;
  std::vector<WeightedText> runs_;
  std::vector<size_t> round_, square_;  // open brackets: the first run inside each
};

}  // namespace

std::vector<WeightedText> parse_attention(std::string_view prompt) { return Scanner(prompt).scan(); }

}  // namespace imagent
