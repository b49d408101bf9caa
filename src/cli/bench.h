// The command `bench`: phases and throughput at real shapes.
#pragma once
#include <optional>
#include <string>

#include "tensor/dtype.h"

namespace imagent {

struct BenchOptions {
  std::string model = "sd15";    // sd15, sdxl or a model folder
  int size = 0;                  // side in pixels, 0: the model's own
  std::optional<DType> dtype;    // absent: the device's fastest
  int threads = 0;               // 0: all usable cores
  std::string device = "auto";
  bool low_vram = false, json = false;
};

// Prints a table, or one JSON object. Returns the exit code. Errors: usage, model, memory.
int run_bench(const BenchOptions& options);

}  // namespace imagent
