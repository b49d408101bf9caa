// Standard streams by system calls: every failed write is seen, and a signal ends a wait.
#include "cli/console.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/interrupt.h"
#include "pipeline/field.h"

namespace imagent {

constexpr size_t longest_text = size_t{1} << 20;

static bool write_all(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t written = write(fd, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data += written;
    size -= static_cast<size_t>(written);
  }
  return true;
}

void write_result(std::span<const uint8_t> bytes) {
  const bool ok = write_all(STDOUT_FILENO, reinterpret_cast<const char*>(bytes.data()), bytes.size());
  check(ok, ErrorKind::io, "cannot write to standard output: ", std::strerror(errno));
}

void write_result(const std::string& text) { write_result({reinterpret_cast<const uint8_t*>(text.data()), text.size()}); }

void write_error(const std::string& text) { (void)write_all(STDERR_FILENO, text.data(), text.size()); }

bool error_is_terminal() { return isatty(STDERR_FILENO) == 1; }

int terminal_columns() {
  winsize size = {};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string without_controls(std::string text) {
  for (char& c : text)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f) c = '?';
  return text;
}

// Up to the end or, with a `piece` of one byte, up to a line break.
static std::string read_text(int fd, const std::string& name, size_t piece) {
  std::string text;
  char block[4096];
  while (piece != 1 || !text.ends_with('\n')) {
    const ssize_t count = read(fd, block, piece);
    if (count < 0 && errno == EINTR) {
      check_interrupt();
      continue;
    }
    check(count >= 0, ErrorKind::usage, "cannot read ", name, ": ", std::strerror(errno));
    if (count == 0) return text;
    text.append(block, static_cast<size_t>(count));
    check(text.size() <= longest_text, ErrorKind::usage, name, " is longer than 1 MiB");
  }
  text.pop_back();
  return text;
}

static std::string read_all(int fd, const std::string& name) { return read_text(fd, name, 4096); }

std::string read_standard_input() { return read_all(STDIN_FILENO, "standard input"); }

std::string read_standard_input_line() { return read_text(STDIN_FILENO, "standard input", 1); }

std::string read_small_file(const std::string& path, const std::string& purpose) {
  const std::string name = str(purpose, " ", quoted(path));
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  check(fd >= 0, ErrorKind::usage, "cannot read ", name, ": ", std::strerror(errno));
  struct Closer {
    int fd;
    ~Closer() { close(fd); }
  } closer{fd};
  return read_all(fd, name);
}

}  // namespace imagent
