// The one kind of error imagent throws: a kind (decides exit code and HTTP status) and one clear sentence.
#pragma once
#include <exception>
#include <string>
#include <type_traits>
#include <utility>

#include "base/str.h"

namespace imagent {

enum class ErrorKind { usage, model, hub, gated, tokenizer, unsupported, memory, image, io, cancelled, internal };

struct Error : std::exception {
  ErrorKind kind;
  std::string text;  // what was wrong, where, what would be right

  Error(ErrorKind kind, std::string text) : kind(kind), text(std::move(text)) {}
  const char* what() const noexcept override { return text.c_str(); }
};

// Throws Error{kind, the arguments written one after another}.
template <class... Args>
[[noreturn]] void fail(ErrorKind kind, const Args&... args) {
  throw Error(kind, str(args...));
}

// check(ok, [kind,] text...): throws unless ok. Without a kind the fault is our own (internal).
template <class First, class... Args>
void check(bool ok, const First& first, const Args&... args) {
  if (ok) [[likely]] return;
  if constexpr (std::is_same_v<First, ErrorKind>)
    fail(first, args...);
  else
    fail(ErrorKind::internal, first, args...);
}

}  // namespace imagent
