// What tests of whole runs share: an engine on the CPU with the built-in model, and what came of a request.
#pragma once
#include "base/error.h"
#include "pipeline/engine.h"
#include "support/golden.h"

namespace imagent::test {

inline Engine& engine() {
  static Engine engine({.device = "cpu", .threads = 0, .builtin_model = source_dir() / "models/demo"});
  return engine;
}

inline std::vector<float> latents_of(const Request& request) { return engine().generate(request).results[0].latents; }

// "none" when it is drawn.
inline std::string error_of(const Request& request) {
  try {
    engine().generate(request);
  } catch (const Error& error) {
    return error.text;
  }
  return "none";
}

}  // namespace imagent::test
