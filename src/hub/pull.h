// Fetching a model from the hub into the shared cache, and finding one there.
#pragma once
#include <atomic>
#include <filesystem>
#include <optional>
#include <string>

#include "hub/environment.h"
#include "hub/transfer_meter.h"

namespace imagent {

struct PullOptions {
  bool prefer_half = false;                              // .fp16. weights where they are there
  int parallel_files = 4;
  PullCallback progress = {};                            // called by several threads, never by two at once
  std::function<void(const std::string&)> note = {};     // a line for the user, from any thread
  const std::atomic<bool>* cancel = nullptr;
  Clock clock = steady_clock();
};

// The snapshot folder (or the file, for ORG/NAME/FILE) of a model that lies complete in the cache; no network.
std::optional<std::filesystem::path> find_cached_model(const HubSettings& settings, const std::string& repository);

// Brings ORG/NAME[/FILE][@REVISION] up to date and returns where it lies. When the hub cannot be reached, what the cache
// holds complete is returned with a note; offline, the network is never touched.
// Errors: usage (name), model (no such repository, revision, file; offline and not in the cache), gated, hub, io, cancelled.
std::filesystem::path pull_model(const HubSettings& settings, const std::string& repository, const PullOptions& options = {});

}  // namespace imagent
