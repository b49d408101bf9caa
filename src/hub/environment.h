// What the user's environment says about the hub: cache, token, endpoint, offline (huggingface_hub constants.py).
#pragma once
#include <filesystem>
#include <string>

#include "base/environment.h"

namespace imagent {

struct HubSettings {
  std::filesystem::path cache;                        // HF_HUB_CACHE, else HF_HOME/hub
  std::string endpoint = "https://huggingface.co";    // HF_ENDPOINT, without a slash at its end
  std::string token = "";                             // HF_TOKEN, else the token file; "" = none
  bool offline = false;                               // HF_HUB_OFFLINE: never touch the network
  bool show_progress = true;                          // not HF_HUB_DISABLE_PROGRESS_BARS
  bool symlinks = true;                               // not HF_HUB_DISABLE_SYMLINKS
  double metadata_timeout = 10;                       // seconds for a whole answer without a file: HF_HUB_ETAG_TIMEOUT
  double download_timeout = 10;                       // seconds in which no byte of a file comes: HF_HUB_DOWNLOAD_TIMEOUT
  int retries = 5;                                    // after a fault that may pass: IMAGENT_HUB_RETRIES
};

// Errors: usage, naming the variable and what it should be. Proxies (http_proxy, HTTPS_PROXY, NO_PROXY, ...) are libcurl's.
HubSettings hub_settings(const Environment& environment = process_environment());

// Where a user may add models to the registry: $XDG_CONFIG_HOME/imagent/models.json or ~/.config/imagent/models.json.
std::filesystem::path user_registry_file(const Environment& environment = process_environment());

// What imagent itself may forget: $XDG_CACHE_HOME/imagent or ~/.cache/imagent.
std::filesystem::path own_cache_folder(const Environment& environment = process_environment());

}  // namespace imagent
