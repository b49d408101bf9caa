// The error that a call throws.
#pragma once
#include <functional>

#include "base/error.h"

namespace imagent::test {

inline Error error_of(const std::function<void()>& call) {  // one that says "none" when there is none
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return {ErrorKind::internal, "none"};
}

}  // namespace imagent::test
