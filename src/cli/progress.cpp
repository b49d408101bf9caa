// Progress as text: at most ten bars a second, a plain line per 10 % or 5 s.
#include "cli/progress.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/str.h"
#include "cli/console.h"
#include "cli/interrupt.h"

namespace imagent {

constexpr double bar_interval = 0.1, plain_interval = 5;  // seconds

ProgressMode resolve_progress(ProgressMode asked, bool terminal, const Environment& environment) {
  if (asked != ProgressMode::automatic) return asked;
  const char* term = environment("TERM");
  const char* ci = environment("CI");
  const bool dumb = !term || std::string_view(term) == "dumb" || std::string_view(term).empty();
  const bool in_ci = ci && std::string_view(ci) != "" && std::string_view(ci) != "false" && std::string_view(ci) != "0";
  return terminal && !dumb && !in_ci ? ProgressMode::bar : ProgressMode::plain;
}

static double remaining_seconds(const StepState& s) { return std::max(0, s.steps - s.step) * s.seconds_per_step; }

static std::string speed_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, seconds < 0.1 ? "%.3f s/it" : "%.2f s/it", seconds);
  return text;
}

std::string duration_text(double seconds) {
  const long long whole = std::isfinite(seconds) && seconds > 0 ? std::llround(std::min(seconds, 1e9)) : 0;
  char text[48];
  if (whole < 3600)
    std::snprintf(text, sizeof text, "%lld:%02lld", whole / 60, whole % 60);
  else
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  return text;
}

static std::string speed_and_eta(const StepState& s) {
  return s.seconds_per_step > 0 ? speed_text(s.seconds_per_step) + "  eta " + duration_text(remaining_seconds(s)) : "";
}

std::string bar_line(const StepState& s, int columns) {
  const std::string count = str(s.step, "/", s.steps), rest = speed_and_eta(s);
  const int room = columns - static_cast<int>(count.size() + rest.size()) - 4;
  if (room < 4) return (count + " " + rest).substr(0, static_cast<size_t>(std::max(columns, 0)));
  const int width = std::min(room, 40);
  const int filled = s.steps > 0 ? width * std::min(s.step, s.steps) / s.steps : 0;
  const std::string line = count + " [" + std::string(static_cast<size_t>(filled), '=') + std::string(static_cast<size_t>(width - filled), ' ') + "]";
  return rest.empty() ? line : line + " " + rest;
}

std::string plain_line(const StepState& s) {
  const int percent = s.steps > 0 ? 100 * s.step / s.steps : 0;
  const std::string rest = speed_and_eta(s);
  return str("step ", s.step, "/", s.steps, " (", percent, " %)", rest.empty() ? "" : "  ", rest);
}

std::string json_line(const StepState& s) {
  return nlohmann::ordered_json{{"event", "step"}, {"step", s.step}, {"steps", s.steps}, {"seconds_per_step", s.seconds_per_step},
                                {"eta_s", remaining_seconds(s)}}
      .dump();
}

ProgressReporter::~ProgressReporter() { finish(); }

void ProgressReporter::draw(const std::string& line) {
  if (!in_line_ && options_.hide_cursor) {
    note_hidden_cursor(true);
    options_.write("\x1b[?25l");
  }
  const size_t left_over = drawn_ > line.size() ? drawn_ - line.size() : 0;
  options_.write("\r" + line + std::string(left_over, ' '));
  drawn_ = line.size();
  in_line_ = true;
}

void ProgressReporter::phase(const std::string& name) {
  if (options_.mode == ProgressMode::json) options_.write(nlohmann::json{{"event", "phase"}, {"phase", name}}.dump() + "\n");
  if (options_.mode == ProgressMode::bar && name == "load") draw("loading the model");
  if (name == "denoise") last_tenth_ = last_step_ = -1;
}

void ProgressReporter::step(const StepState& s) {
  const bool last = s.step >= s.steps;
  const double now = options_.now();
  const double waited = now - last_time_;
  switch (options_.mode) {
    case ProgressMode::bar:
      if (waited < bar_interval && !last) return;
      draw(bar_line(s, options_.columns - 1));  // the last column would wrap
      break;
    case ProgressMode::plain: {
      const int tenth = s.steps > 0 ? 10 * s.step / s.steps : 0;
      if (s.step == 0 || s.step == last_step_ || (tenth == last_tenth_ && waited < plain_interval)) return;
      last_tenth_ = tenth;
      options_.write(plain_line(s) + "\n");
      break;
    }
    case ProgressMode::json: options_.write(json_line(s) + "\n"); break;
    default: return;
  }
  last_time_ = now;
  last_step_ = s.step;
}

void ProgressReporter::remark(const std::string& text) {
  finish();
  options_.write(options_.mode == ProgressMode::json ? nlohmann::json{{"event", "remark"}, {"text", text}}.dump() + "\n" : text + "\n");
}

void ProgressReporter::finish() {
  if (!in_line_) return;
  options_.write("\n");
  if (options_.hide_cursor) {
    options_.write("\x1b[?25h");
    note_hidden_cursor(false);
  }
  in_line_ = false;
  drawn_ = 0;
}

static double now_seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

ProgressReporter::Options progress_on_terminal(ProgressMode asked, bool quiet) {
  const Environment environment = [](const char* name) { return std::getenv(name); };
  const bool terminal = error_is_terminal();
  return {.mode = quiet ? ProgressMode::none : resolve_progress(asked, terminal, environment),
          .columns = terminal_columns(),
          .hide_cursor = terminal && !environment("NO_COLOR"),
          .write = write_error,
          .now = now_seconds};
}

}  // namespace imagent
