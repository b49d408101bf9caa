// Exit codes of the program (docs/cli.md).
#pragma once
#include "base/error.h"

namespace imagent {

constexpr int exit_cancelled = 130;

constexpr int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage: return 2;
    case ErrorKind::model:
    case ErrorKind::tokenizer: return 3;
    case ErrorKind::hub: return 4;
    case ErrorKind::gated: return 5;
    case ErrorKind::memory: return 6;
    case ErrorKind::io: return 7;
    case ErrorKind::cancelled: return exit_cancelled;
    case ErrorKind::unsupported:
    case ErrorKind::image:
    case ErrorKind::internal: break;
  }
  return 1;
}

}  // namespace imagent
