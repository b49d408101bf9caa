// Converting models: any format into a safetensors file, a folder in diffusers' layout or a GGUF file, with other element
// types, another VAE or adapters baked in. One tensor after another is read, changed and written.
#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace imagent {

enum class ConvertTarget { automatic, safetensors, folder, gguf };

struct ConvertOptions {
  std::filesystem::path input{}, output{};
  ConvertTarget to = ConvertTarget::automatic;  // by the output's extension; none means a folder
  std::string dtype = "keep";                   // a name of convert_dtypes()
  std::filesystem::path config{};               // configuration for a single file, as of open_model_source()
  std::string prediction{};                     // as of ModelSource::model_config()
  std::filesystem::path vae{};                  // instead of the model's own
  std::vector<std::pair<std::filesystem::path, float>> loras{};
  std::vector<std::string> only{};              // parts; empty: all
  bool prune = false;                           // leave out what no part of the model needs
  bool force = false;                           // replace an output that exists
  uint64_t shard_size = 0;                      // bytes of a safetensors file; 0: 10 GB in a folder, else no limit
};

struct ConvertProgress {
  uint64_t done = 0, total = 0;                 // bytes of the output
};
struct ConvertEvents {
  std::function<void(const ConvertProgress&)> progress{};
  const std::atomic<bool>* cancel = nullptr;
};

struct Converted {
  std::filesystem::path path;                   // the file, index or folder
  uint64_t bytes = 0;                           // of its tensors
  size_t tensors = 0;
};

std::vector<std::string> convert_dtypes();      // keep, f32, f16, bf16, fp8_e4m3, fp8_e5m2, q4_0, ...

// The output appears whole or not at all. Errors: usage (what does not go together, an output that exists), model,
// unsupported, io (disk full), cancelled.
Converted convert_model(const ConvertOptions& options, const ConvertEvents& events = {});

}  // namespace imagent
