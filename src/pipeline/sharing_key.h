// Which runs may be under way on one engine at the same time.
#pragma once
#include <filesystem>
#include <string>

#include "pipeline/lora_library.h"
#include "pipeline/request.h"

namespace imagent {

// Where the models of a request were found ("": none), and where its LoRAs lie.
struct RunFiles {
  std::filesystem::path model, refiner;
  const LoraLibrary& loras;
};

// Runs with the same key use the same models with the same adapters, in the same state of their files, and draw pictures of
// the same size: none of them changes what the others have loaded. Errors: those of lora_files().
std::string sharing_key(const Request& request, const RunFiles& files);

}  // namespace imagent
