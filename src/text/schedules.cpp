// Prompt editing: when which text is used.
#include "text/schedules.h"

#include <set>

#include "base/error.h"
#include "text/schedule_tree.h"

namespace imagent {
namespace {

using Kind = ScheduleNode::Kind;

class Schedule {
 public:
  Schedule(ScheduleTree tree, const ScheduleOptions& options) : tree_(std::move(tree)), options_(options) {
    const bool second_pass = options.hires_steps && !options.old_scheduling;
    steps_ = second_pass ? *options.hires_steps : options.steps;
    past_steps_ = second_pass ? options.steps : 0;
    past_fraction_ = second_pass ? 1.0 : 0.0;
    for (const ScheduleNode& node : tree_.nodes) when_.push_back(node.kind == Kind::scheduled ? switch_step(node.text) : 0);
  }

  std::vector<ScheduledText> texts() {
    std::vector<ScheduledText> out;
    for (const int step : last_steps()) out.push_back({step, text_at(step)});
    return out;
  }

 private:
  int switch_step(std::string_view when) const {
    double value = 0;
    parse_number(when, value);
    if (options_.old_scheduling)
      value = value < 1 ? value * steps_ : value;
    else if (when.find('.') != std::string_view::npos)
      value = (value - past_fraction_) * steps_;
    else
      value -= past_steps_;
    return value >= steps_ ? steps_ : value <= -1 ? -1 : static_cast<int>(value);
  }

  std::set<int> last_steps() const {
    std::set<int> steps{steps_};
    bool alternates = false;
    for (size_t i = 0; i < tree_.nodes.size(); ++i) {
      alternates |= tree_.nodes[i].kind == Kind::alternate;
      if (tree_.nodes[i].kind == Kind::scheduled && when_[i] >= 1) steps.insert(when_[i]);
    }
    for (int step = 1; alternates && step < steps_; ++step) steps.insert(step);
    return steps;
  }

  // Walks with a stack of its own: nesting may be as deep as the prompt is long.
  std::string text_at(int step) {
    std::string out;
    std::vector<int> todo(tree_.top.rbegin(), tree_.top.rend());
    while (!todo.empty()) {
      const int index = todo.back();
      todo.pop_back();
      const ScheduleNode& node = tree_.nodes[index];
      spend(1);
      if (node.kind == Kind::text) {
        spend(node.text.size());
        out += node.text;
        continue;
      }
      const size_t chosen = node.kind == Kind::scheduled ? step > when_[index] : node.kind == Kind::alternate ? (step - 1) % node.options.size() : 0;
      todo.insert(todo.end(), node.options[chosen].rbegin(), node.options[chosen].rend());
    }
    return out;
  }

  void spend(size_t cost) {
    check(cost <= budget_, ErrorKind::usage, "the prompt changes so often that the texts of its ", steps_, " steps are larger than 8 MiB");
    budget_ -= cost;
  }

  ScheduleTree tree_;
  ScheduleOptions options_;
  int steps_ = 0, past_steps_ = 0;
  double past_fraction_ = 0;
  std::vector<int> when_;  // by node: last step of `before`
  size_t budget_ = size_t{8} << 20;
};

}  // namespace

std::vector<ScheduledText> prompt_schedule(std::string_view prompt, const ScheduleOptions& options) {
  check(options.steps >= 1 && options.hires_steps.value_or(1) >= 1, ErrorKind::usage, "a prompt schedule needs at least 1 step");
  if (auto tree = parse_schedule(prompt)) return Schedule(std::move(*tree), options).texts();
  const bool second_pass = options.hires_steps && !options.old_scheduling;
  return {{second_pass ? *options.hires_steps : options.steps, std::string(prompt)}};
}

}  // namespace imagent
