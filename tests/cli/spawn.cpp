// Running the built program: posix_spawn, with standard streams in files.
#include "cli/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "support/golden.h"

namespace imagent::test {

static std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

Process::Process(const std::vector<std::string>& arguments, const SpawnOptions& options)
    : output_(options.output.empty() ? (scratch_ / "out").string() : options.output) {
  std::ofstream(scratch_ / "in", std::ios::binary) << options.input;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, (scratch_ / "in").c_str(), O_RDONLY, 0);
  if (output_ == "-")
    posix_spawn_file_actions_addclose(&actions, 1);
  else
    posix_spawn_file_actions_addopen(&actions, 1, output_.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, (scratch_ / "err").c_str(), O_WRONLY | O_CREAT, 0600);
  std::vector<std::string> words = {options.program}, variables = {"PATH=/usr/bin:/bin", "TERM=xterm", "OMP_WAIT_POLICY=passive"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  for (const auto& [name, value] : options.variables) variables.push_back(name + "=" + value);
  if (!options.variables.contains("HOME")) variables.push_back("HOME=" + scratch_.path().string());
  if (!options.folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, options.folder.c_str());
  const int fault = posix_spawn(&pid_, options.program.c_str(), &actions, nullptr, pointers(words).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  check(fault == 0, "cannot start ", options.program);
}

Process::~Process() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool Process::wait_for_error(const std::string& text, double seconds) {
  const auto start = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - start < std::chrono::duration<double>(seconds)) {
    if (error_so_far().find(text) != std::string::npos) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

std::string Process::error_so_far() const { return std::filesystem::exists(scratch_ / "err") ? read_text(scratch_ / "err") : ""; }

void Process::signal(int number) const { kill(pid_, number); }

Finished Process::finish() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  const bool plain_file = output_ == scratch_ / "out";
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), plain_file ? read_text(output_) : "", read_text(scratch_ / "err")};
}

}  // namespace imagent::test
