// Running the built program from a test, without a shell.
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "support/scratch.h"

namespace imagent::test {

struct Finished {
  int code = 0;               // 128 + signal when a signal ended it
  std::string out, err;
};

struct SpawnOptions {
  std::map<std::string, std::string> variables = {};   // added to a bare environment, whose home is a folder of the process's own
  std::string input = "";                              // standard input
  std::string output = "";                             // standard output into this file instead, "-": closed
  std::string folder = "";                             // to run in
  std::string program = IMAGENT_PROGRAM;
};

class Process {
 public:
  explicit Process(const std::vector<std::string>& arguments, const SpawnOptions& options = {});
  ~Process();                                  // kills what still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  bool wait_for_error(const std::string& text, double seconds);   // until standard error holds it
  std::string error_so_far() const;
  void signal(int number) const;
  pid_t id() const { return pid_; }
  Finished finish();

 private:
  Scratch scratch_;
  std::string output_;
  pid_t pid_ = -1;
};

inline Finished run(const std::vector<std::string>& arguments, const SpawnOptions& options = {}) { return Process(arguments, options).finish(); }

}  // namespace imagent::test
