// Prompt editing: [from:to:when], [to:when], [from::when] and [a|b|c]. Grammar: A1111 modules/prompt_parser.py.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imagent {

struct ScheduleOptions {
  int steps = 20;                  // of the first pass
  std::optional<int> hires_steps;  // set: the schedule is for the second pass; `when` keeps counting from the first
  bool old_scheduling = false;     // A1111 before 1.6: numbers below 1 are fractions
};

struct ScheduledText {
  int last_step;  // counted from 1: the text is used while step <= last_step
  std::string text;
};

// Ordered by last_step; the last one ends with the pass. Text that the grammar cannot read is used literally.
// Errors: usage (the prompts of all steps together are larger than 8 MiB).
std::vector<ScheduledText> prompt_schedule(std::string_view prompt, const ScheduleOptions& options);

}  // namespace imagent
