// What progress looks like, and how often.
#include "cli/progress.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <map>
#include <sstream>

namespace imagent {
namespace {

ProgressMode resolved(bool terminal, std::map<std::string, const char*> variables, ProgressMode asked = ProgressMode::automatic) {
  return resolve_progress(asked, terminal, [=](const char* name) { return variables.count(name) ? variables.at(name) : nullptr; });
}

TEST(Progress, AutomaticMode) {
  EXPECT_EQ(resolved(true, {{"TERM", "xterm"}}), ProgressMode::bar);
  EXPECT_EQ(resolved(false, {{"TERM", "xterm"}}), ProgressMode::plain);
  EXPECT_EQ(resolved(true, {{"TERM", "dumb"}}), ProgressMode::plain);
  EXPECT_EQ(resolved(true, {}), ProgressMode::plain);
  EXPECT_EQ(resolved(true, {{"TERM", "xterm"}, {"CI", "true"}}), ProgressMode::plain);
  EXPECT_EQ(resolved(true, {{"TERM", "xterm"}, {"CI", "false"}}), ProgressMode::bar);
  EXPECT_EQ(resolved(false, {}, ProgressMode::json), ProgressMode::json);
}

TEST(Progress, Lines) {
  EXPECT_EQ(bar_line({20, 20, 1.234}, 36), "20/20 [========] 1.23 s/it  eta 0:00");
  EXPECT_EQ(bar_line({5, 20, 1.0}, 80), "5/20 [" + std::string(10, '=') + std::string(30, ' ') + "] 1.00 s/it  eta 0:15");
  EXPECT_EQ(bar_line({0, 20, 0}, 30), "0/20 [" + std::string(22, ' ') + "]");
  EXPECT_EQ(plain_line({5, 20, 1.0}), "step 5/20 (25 %)  1.00 s/it  eta 0:15");
  EXPECT_EQ(plain_line({1, 4, 0.0123}), "step 1/4 (25 %)  0.012 s/it  eta 0:00");
  const auto object = nlohmann::json::parse(json_line({5, 20, 1.5}));
  EXPECT_EQ(object["event"], "step");
  EXPECT_EQ(object["step"], 5);
  EXPECT_EQ(object["eta_s"], 22.5);
  EXPECT_EQ(duration_text(59.6), "1:00");
  EXPECT_EQ(duration_text(3723), "1:02:03");
  EXPECT_EQ(duration_text(-1), "0:00");
  for (int columns = 0; columns < 100; ++columns) EXPECT_LE(static_cast<int>(bar_line({7, 20, 1}, columns).size()), columns);
}

struct Screen {
  std::string text;
  double time = 0;
  ProgressReporter::Options options(ProgressMode mode, bool hide_cursor = false) {
    return {mode, 60, hide_cursor, [this](const std::string& s) { text += s; }, [this] { return time; }};
  }
  size_t count(const std::string& what) const {
    size_t n = 0;
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
    return n;
  }
};

TEST(Progress, BarIsDrawnAtMostTenTimesASecond) {
  Screen screen;
  {
    ProgressReporter reporter(screen.options(ProgressMode::bar, true));
    for (int step = 0; step <= 1000; ++step, screen.time += 0.01) reporter.step({step, 1000, 0.01});
    EXPECT_EQ(screen.text.find("\x1b[?25l"), 0u);
  }
  EXPECT_LE(screen.count("\r"), 102u);
  EXPECT_GE(screen.count("\r"), 90u);
  EXPECT_NE(screen.text.find("1000/1000 ["), std::string::npos) << "the last step is always drawn";
  EXPECT_EQ(screen.text.substr(screen.text.size() - 7), "\n\x1b[?25h") << "the cursor is shown again";
}

TEST(Progress, WithoutCursorSequencesThereIsNoAnsi) {
  Screen screen;
  for (const ProgressMode mode : {ProgressMode::bar, ProgressMode::plain, ProgressMode::json}) {
    ProgressReporter reporter(screen.options(mode));
    reporter.phase("load");
    for (int step = 0; step <= 20; ++step) reporter.step({step, 20, 1});
  }
  EXPECT_EQ(screen.count("\x1b"), 0u);
}

TEST(Progress, PlainLinesComePerTenthOrFiveSeconds) {
  Screen screen;
  ProgressReporter fast(screen.options(ProgressMode::plain));
  for (int step = 0; step <= 200; ++step, screen.time += 0.01) fast.step({step, 200, 0.01});
  EXPECT_EQ(screen.count("\n"), 11u) << screen.text;
  EXPECT_NE(screen.text.find("step 200/200 (100 %)"), std::string::npos);

  Screen slow_screen;
  ProgressReporter slow(slow_screen.options(ProgressMode::plain));
  for (int step = 0; step <= 100; ++step, slow_screen.time += 6) slow.step({step, 100, 6});
  EXPECT_EQ(slow_screen.count("\n"), 100u);
}

constexpr PullProgress quarter = {.done = 860000000, .total = 3440000000, .bytes_per_second = 45200000, .seconds_left = 57.1, .files_done = 3, .files = 10};

TEST(Downloads, Lines) {
  EXPECT_EQ(bytes_bar(quarter, 45), "860 MB/3.44 GB [==      ] 45.2 MB/s  eta 0:57");
  EXPECT_EQ(bytes_line(downloading, quarter), "downloaded 860 MB of 3.44 GB (25 %)  45.2 MB/s  eta 0:57");
  EXPECT_EQ(bytes_line(downloading, {.done = 12, .files = 1}), "downloaded 12 B");
  const auto object = nlohmann::json::parse(bytes_json(downloading, quarter));
  EXPECT_EQ(object["event"], "download");
  EXPECT_EQ(object["bytes"], 860000000);
  EXPECT_EQ(object["total_bytes"], 3440000000);
  EXPECT_TRUE(nlohmann::json::parse(bytes_json(downloading, {.done = 12}))["eta_s"].is_null());
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(999999), "1.00 MB");
  EXPECT_EQ(bytes_text(12345678), "12.3 MB");
  for (int columns = 0; columns < 100; ++columns) EXPECT_LE(static_cast<int>(bytes_bar(quarter, columns).size()), columns);
}

TEST(Conversions, TellBytesAndTheirRate) {
  const PullProgress half = {.done = 500000000, .total = 1000000000, .bytes_per_second = 250000000, .seconds_left = 2, .files = 1};
  EXPECT_EQ(bytes_line(converting, half), "converted 500 MB of 1.00 GB (50 %)  250 MB/s  eta 0:02");
  const auto object = nlohmann::json::parse(bytes_json(converting, half));
  EXPECT_EQ(object["event"], "convert");
  EXPECT_EQ(object["bytes_per_second"], 250000000);
  EXPECT_FALSE(object.contains("files"));
}

TEST(Downloads, BarsAreDrawnAtMostTenTimesASecondAndEndTheirLine) {
  Screen screen;
  ProgressReporter reporter(screen.options(ProgressMode::bar));
  PullProgress progress = {.total = 1000, .bytes_per_second = 100, .files = 2};
  for (; progress.done < 1000; ++progress.done, screen.time += 0.01) reporter.download(progress);
  progress.files_done = 2;
  reporter.download(progress);
  EXPECT_LE(screen.count("\r"), 102u);
  EXPECT_GE(screen.count("\r"), 90u);
  EXPECT_NE(screen.text.find("1.00 kB/1.00 kB [="), std::string::npos);
  EXPECT_TRUE(screen.text.ends_with("\n"));
  reporter.remark("a line");
  EXPECT_TRUE(screen.text.ends_with("\na line\n"));
}

TEST(Downloads, PlainLinesComePerTenth) {
  Screen screen;
  ProgressReporter reporter(screen.options(ProgressMode::plain));
  PullProgress progress = {.total = 1000, .bytes_per_second = 100, .files = 1};
  for (progress.done = 1; progress.done <= 1000; ++progress.done) reporter.download(progress);
  progress = {.done = 1000, .total = 1000, .files_done = 1, .files = 1};
  reporter.download(progress);
  EXPECT_EQ(screen.count("\n"), 11u) << screen.text;
  EXPECT_EQ(screen.count("(100 %)"), 1u);
}

TEST(Progress, NoneIsSilent) {
  Screen screen;
  ProgressReporter reporter(screen.options(ProgressMode::none));
  reporter.phase("load");
  for (int step = 0; step <= 20; ++step) reporter.step({step, 20, 1});
  reporter.finish();
  EXPECT_EQ(screen.text, "");
}

TEST(Progress, JsonIsOneObjectALine) {
  Screen screen;
  ProgressReporter reporter(screen.options(ProgressMode::json));
  for (const char* phase : {"load", "text", "denoise"}) reporter.phase(phase);
  for (int step = 0; step <= 3; ++step) reporter.step({step, 3, 1});
  std::istringstream lines(screen.text);
  size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_TRUE(nlohmann::json::parse(line).is_object());
  EXPECT_EQ(count, 7u);
}

}  // namespace
}  // namespace imagent
