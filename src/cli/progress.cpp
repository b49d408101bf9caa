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

static std::string bar(const std::string& count, double share, const std::string& rest, int columns) {
  const int room = columns - static_cast<int>(count.size() + rest.size()) - 4;
  if (room < 4) return (count + " " + rest).substr(0, static_cast<size_t>(std::max(columns, 0)));
  const int width = std::min(room, 40);
  const int filled = static_cast<int>(width * std::clamp(share, 0.0, 1.0));
  const std::string line = count + " [" + std::string(static_cast<size_t>(filled), '=') + std::string(static_cast<size_t>(width - filled), ' ') + "]";
  return rest.empty() ? line : line + " " + rest;
}

std::string bar_line(const StepState& s, int columns) {
  return bar(str(s.step, "/", s.steps), s.steps > 0 ? static_cast<double>(s.step) / s.steps : 0, speed_and_eta(s), columns);
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

std::string bytes_text(uint64_t bytes) {
  constexpr const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < std::size(units); ++unit) value /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 || value >= 99.95 ? "%.0f %s" : value >= 9.995 ? "%.1f %s" : "%.2f %s", value, units[unit]);
  return text;
}

static double share_of(const PullProgress& p) { return p.total > 0 ? static_cast<double>(p.done) / static_cast<double>(p.total) : 0; }

static std::string count_of(const PullProgress& p, const char* of) { return bytes_text(p.done) + (p.total > 0 ? of + bytes_text(p.total) : ""); }

static std::string speed_and_eta(const PullProgress& p) {
  if (!(p.bytes_per_second > 0)) return "";
  const std::string speed = bytes_text(static_cast<uint64_t>(p.bytes_per_second)) + "/s";
  return p.seconds_left < 0 ? speed : speed + "  eta " + duration_text(p.seconds_left);
}

std::string bytes_bar(const PullProgress& p, int columns) { return bar(count_of(p, "/"), share_of(p), speed_and_eta(p), columns); }

std::string bytes_line(const ByteWork& work, const PullProgress& p) {
  const std::string rest = speed_and_eta(p);
  return str(work.past, " ", count_of(p, " of "), p.total > 0 ? str(" (", static_cast<int>(100 * share_of(p)), " %)") : "", rest.empty() ? "" : "  ", rest);
}

std::string bytes_json(const ByteWork& work, const PullProgress& p) {
  nlohmann::ordered_json line{{"event", work.event}, {"bytes", p.done}, {"total_bytes", p.total}, {"bytes_per_second", p.bytes_per_second},
                              {"eta_s", p.seconds_left < 0 ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(p.seconds_left)}};
  if (work.of_files) {
    line["files"] = p.files_done;
    line["total_files"] = p.files;
  }
  return line.dump();
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
  if (name == "denoise" || name == "load") last_tenth_ = last_step_ = -1;
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

void ProgressReporter::bytes(const ByteWork& work, const PullProgress& p) {
  const std::lock_guard guard(mutex_);
  const double now = options_.now(), waited = now - last_time_;
  const bool last = p.files_done == p.files;
  if (options_.mode == ProgressMode::bar) {
    if (waited < bar_interval && !last) return;
    draw(bytes_bar(p, options_.columns - 1));
    if (last) finish();
  } else if (options_.mode == ProgressMode::plain) {
    const int tenth = static_cast<int>(10 * share_of(p));
    const bool told = tenth == last_tenth_ && (p.total > 0 || !last);
    if (p.done == 0 || (told && waited < plain_interval)) return;
    last_tenth_ = tenth;
    options_.write(bytes_line(work, p) + "\n");
  } else if (options_.mode == ProgressMode::json) {
    options_.write(bytes_json(work, p) + "\n");
  }
  last_time_ = now;
}

void ProgressReporter::remark(const std::string& text) {
  const std::lock_guard guard(mutex_);
  if (!options_.remarks) return;
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
  const Environment environment = process_environment();
  const bool terminal = error_is_terminal();
  return {.mode = quiet ? ProgressMode::none : resolve_progress(asked, terminal, environment),
          .columns = terminal_columns(),
          .hide_cursor = terminal && !environment("NO_COLOR"),
          .write = write_error,
          .now = now_seconds,
          .remarks = !quiet};
}

}  // namespace imagent
