// How far a picture, a download or a conversion is: a bar on a terminal, lines elsewhere, JSON for programs. Written to standard error.
#pragma once
#include <functional>
#include <mutex>
#include <string>

#include "base/environment.h"
#include "hub/pull_progress.h"

namespace imagent {

enum class ProgressMode { automatic, bar, plain, json, none };

// What `automatic` means: a bar on a terminal that can draw one and is no CI log, plain lines elsewhere.
ProgressMode resolve_progress(ProgressMode asked, bool terminal, const Environment& environment);

struct StepState {
  int step = 0, steps = 0;
  double seconds_per_step = 0;
};

std::string duration_text(double seconds);                  // "0:07", "12:03", "1:02:03"
std::string bar_line(const StepState& state, int columns);  // "20/20 [====] 1.23 s/it  eta 0:00", not wider than columns
std::string plain_line(const StepState& state);
std::string json_line(const StepState& state);
std::string bytes_text(uint64_t bytes);                     // "3.44 GB"
std::string bytes_bar(const PullProgress& progress, int columns);  // "1.20 GB/3.44 GB [==  ] 45.2 MB/s  eta 0:49"

// What bytes are counted for.
struct ByteWork {
  const char* past;                // "downloaded": begins plain lines
  const char* event;               // "download": JSON
  bool of_files = false;           // JSON tells how many of them
};
constexpr ByteWork downloading = {"downloaded", "download", true}, converting = {"converted", "convert"};
std::string bytes_line(const ByteWork& work, const PullProgress& progress);
std::string bytes_json(const ByteWork& work, const PullProgress& progress);

class ProgressReporter {
 public:
  struct Options {
    ProgressMode mode = ProgressMode::none;        // resolved
    int columns = 80;
    bool hide_cursor = false;                      // by ANSI sequences, while the bar is there
    std::function<void(const std::string&)> write;
    std::function<double()> now;                   // seconds
    bool remarks = true;
  };
  explicit ProgressReporter(Options options) : options_(std::move(options)) {}
  ~ProgressReporter();
  ProgressReporter(const ProgressReporter&) = delete;
  ProgressReporter& operator=(const ProgressReporter&) = delete;

  void phase(const std::string& name);   // "load", "text", "denoise", "decode"
  void step(const StepState& state);
  // These by any thread, and not while the others are called.
  void bytes(const ByteWork& work, const PullProgress& progress);
  void download(const PullProgress& progress) { bytes(downloading, progress); }
  void remark(const std::string& text);  // a line of its own
  void finish();                         // ends the bar's line and shows the cursor again

 private:
  void draw(const std::string& line);

  Options options_;
  std::mutex mutex_;                     // of downloads and remarks
  size_t drawn_ = 0;                     // characters of the bar's line that are on the screen
  bool in_line_ = false;
  double last_time_ = -1e9;
  int last_tenth_ = -1, last_step_ = -1;
};

// On standard error, as the user asked and the terminal can.
ProgressReporter::Options progress_on_terminal(ProgressMode asked, bool quiet);

}  // namespace imagent
