// What the tests on the emulated card share: in this program `--device cuda` is that card.
#pragma once
#include "cuda_runtime.h"
#include "pipeline/engine.h"
#include "support/golden.h"

namespace imagent::test {

inline EngineOptions options_for(const std::string& device) {
  return {.device = device, .threads = 0, .builtin_model = source_dir() / "models/demo", .lora_dir = golden("adapters")};
}
inline Engine& card() {
  static Engine engine(options_for("cuda"));
  return engine;
}
inline Engine& processor() {
  static Engine engine(options_for("cpu"));
  return engine;
}

inline Request small_request(int side = 64) {
  Request r;
  r.prompt = "a red house by the sea";
  r.width = r.height = side;
  r.steps = 2;
  r.seed = 5;
  r.guidance_scale = 3;
  r.dtype = DType::f32;
  return r;
}

// The card has so many bytes beside what is in use now, until the object goes.
class ShortOfMemory {
 public:
  explicit ShortOfMemory(size_t bytes) : before_(emulation::memory_limit) {
    card().backend().release_cached();
    emulation::memory_limit = emulation::memory_used + bytes;
  }
  ~ShortOfMemory() { emulation::memory_limit = before_; }
  ShortOfMemory(const ShortOfMemory&) = delete;
  ShortOfMemory& operator=(const ShortOfMemory&) = delete;

 private:
  size_t before_;
};

}  // namespace imagent::test
