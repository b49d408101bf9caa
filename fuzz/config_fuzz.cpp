// The JSON files of models and users: every reader gets every input.
#include "fuzz.h"
#include "hub/registry.h"
#include "pipeline/defaults.h"
#include "pipeline/model_config.h"
#include "weights/shards.h"

#include <nlohmann/json.hpp>

using namespace imagent;

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzz::MemoryFile file({reinterpret_cast<const char*>(data), size});
  const std::string path = file.path();
  const auto read = [&](const std::function<void(const nlohmann::json&)>& reader) { fuzz::expect_answer(size, [&] { reader(read_config(path)); }); };
  read([&](const nlohmann::json& config) { unet_config(config, path); });
  read([&](const nlohmann::json& config) { vae_config(config, path); });
  read([&](const nlohmann::json& config) { clip_text_config(config, path); });
  read([&](const nlohmann::json& config) { model_defaults(scheduler_file(config, path), 64, false); });
  for (const std::string& name : scheduler_classes()) read([&](const nlohmann::json& config) { make_scheduler_config(name, scheduler_file(config, path)); });
  fuzz::expect_answer(size, [&] { with_own_file({}, path); });
  fuzz::expect_answer(size, [&] { open_shards(path); });
  fuzz::expect_answer(size, [&] {
    const Registry registry(path);
    for (const std::string& name : registry.names()) registry.resolve(name);
  });
  return 0;
}
