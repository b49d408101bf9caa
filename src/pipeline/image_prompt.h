// Pictures as prompts in a run (IP-Adapters): when they count, and what a batch of rows sees of them.
#pragma once
#include <span>
#include <vector>

#include "models/unet.h"
#include "pipeline/loaded_ip_adapter.h"
#include "pipeline/request.h"
#include "pipeline/step_window.h"

namespace imagent {

struct ImagePrompt {
  ImageKeys positive, negative;      // of one row; the values times the strength
  StepWindow window{};
  std::vector<Tensor> regions{};     // as in_region() takes them
};

// One for each of the request's adapters. Errors: usage, when one is made for another model.
std::vector<ImagePrompt> make_image_prompts(std::span<LoadedIpAdapter* const> adapters, const Request& request, const UNet2DConditionModel& unet);

// The same for a pass that draws pictures of that size: where each counts.
std::vector<ImagePrompt> with_regions(std::vector<ImagePrompt> prompts, const Request& request, Size size, const UNet2DConditionModel& unet);

struct ImagePromptRow {
  std::span<const ImagePrompt* const> prompts;
  bool positive = true;              // of the prompt, not of the negative one
};

// For each picture that one of the rows sees; the values of those that do not are zero.
std::vector<ImageKeys> image_keys(std::span<const ImagePromptRow> rows);

// The IP-Adapters that stay loaded: those of the last request.
class IpAdapterLibrary {
 public:
  // One for each of the request's, the same one for the same files. Errors: those of opening them.
  std::vector<std::shared_ptr<LoadedIpAdapter>> open(const Request& request, Backend& backend, DType compute);

  // Of those that are not among `used`, and of encoders that these alone read.
  size_t unused_bytes(std::span<const void* const> used) const;
  bool drop_unused(std::span<const void* const> used);  // whether there were any

 private:
  struct Key {
    std::filesystem::path adapter, encoder;
    std::string adapter_stamp, encoder_stamp;
    DType compute;
    bool operator==(const Key&) const = default;
  };
  std::vector<std::pair<Key, std::shared_ptr<LoadedIpAdapter>>> adapters_;
};

}  // namespace imagent
