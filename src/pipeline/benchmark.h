// Phases of one picture measured at real shapes, on weights made in memory or on a model folder.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tensor/backend.h"

namespace imagent {

struct BenchmarkOptions {
  std::string model = "sd15";    // sd15, sdxl or a model folder
  int size = 0;                  // side in pixels, 0: the model's own
  DType dtype = DType::f32;
  int repetitions = 3;
  int steps = 0;                 // of whole pictures, 0: these are not measured
  int batch = 1;                 // pictures drawn together, besides one alone
  bool guidance = true;          // two rows of the UNet a picture
};

struct OpTotal {
  std::string op, shape;
  int calls = 0;
  double ms = 0, gflops = 0;     // of one UNet step with guidance; GFLOP/s
};

struct PhaseResult {
  double seconds = 0, gflop = 0, share_of_peak = 0;  // median; 0 when no peak is known
};

struct PicturesResult {
  int pictures = 1;              // drawn together
  double seconds = 0;            // for all of them: text, steps, decodes
};

struct BenchmarkReport {
  std::string model;
  int size = 0;
  std::map<std::string, double> peak_gflops;  // "f32", "bf16", "int8": medians of probes between the measurements
  double load_s = 0, text_encode_s = 0;       // text: one prompt through all encoders
  PhaseResult unet_step, vae_decode;          // a step is one UNet call with guidance: two rows
  std::vector<OpTotal> ops;                   // longest first
  std::vector<PicturesResult> pictures;       // one, then BenchmarkOptions::batch
};

// `progress` hears what is measured. Errors: usage, model, memory.
BenchmarkReport run_benchmark(Backend& backend, const BenchmarkOptions& options, const std::function<void(const std::string&)>& progress);

}  // namespace imagent
