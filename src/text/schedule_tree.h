// The parsed form of a prompt with [from:to:when] and [a|b]. Internal to schedules.cpp.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

namespace imagent {

struct ScheduleNode {
  enum class Kind { text, group, scheduled, alternate };
  using Children = std::vector<int>;  // indices of nodes, in order

  Kind kind = Kind::text;
  std::string_view text;            // text: itself; scheduled: `when` as written
  std::vector<Children> options{};  // group: one; scheduled: before, after; alternate: all
};

struct ScheduleTree {
  std::vector<ScheduleNode> nodes;
  ScheduleNode::Children top;
};

// Views of `prompt`. Nothing when the prompt is outside the grammar (a "|" in no brackets, a backslash at the end).
// Linear in the prompt for any nesting.
std::optional<ScheduleTree> parse_schedule(std::string_view prompt);

}  // namespace imagent
