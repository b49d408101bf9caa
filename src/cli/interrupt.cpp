// Signals of the command line program. The handler calls only what POSIX allows in one.
#include "cli/interrupt.h"

#include <csignal>
#include <fcntl.h>
#include <unistd.h>

#include "cli/exit_code.h"

namespace imagent {

static std::atomic<bool> interrupt_flag = false;
static std::atomic<bool> cursor_hidden = false;
static_assert(std::atomic<bool>::is_always_lock_free);

const std::atomic<bool>& interrupted() { return interrupt_flag; }

void check_interrupt() { check(!interrupt_flag, ErrorKind::cancelled, "cancelled"); }

void note_hidden_cursor(bool hidden) { cursor_hidden = hidden; }

extern "C" {
static void on_interrupt(int) {
  if (!interrupt_flag.exchange(true)) return;
  if (cursor_hidden && write(STDERR_FILENO, "\x1b[?25h\n", 7) < 0) _exit(exit_cancelled);
  _exit(exit_cancelled);
}
}

void install_signal_handlers() {
  struct sigaction action = {};
  action.sa_handler = on_interrupt;  // no SA_RESTART: waiting for standard input ends
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
  sigaction(SIGXFSZ, &action, nullptr);
}

void open_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY) < 0) _exit(1);
}

}  // namespace imagent
