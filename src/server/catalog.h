// What callers may name: models, LoRAs, VAEs, ControlNets, IP-Adapters, upscalers and embeddings that lie in the folders of this server or in
// the hub's cache, and nothing else.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/environment.h"

namespace imagent::server {

struct CatalogPlaces {
  std::filesystem::path models = {}, loras = {}, embeddings = {}, vaes = {}, controls = {}, upscalers = {};  // "": none
  std::filesystem::path taesd = {}, styles = {};      // a tiny autoencoder for previews; the web UI's styles.csv; "": none
  std::optional<HubSettings> hub = {};                // whose cache's models may be named as well
};

struct CatalogEntry {
  std::string name;                  // of the file without its extension, of the folder, or ORG/NAME of the hub
  std::string file_name;             // with the extension
  std::filesystem::path path;        // "": the built-in model
};

// ControlNets and T2I-Adapters are controls; IP-Adapters lie in the same folder, and their image encoder in its folder image_encoder.
enum class CatalogKind { model, lora, embedding, vae, control, ip_adapter, upscaler };

inline constexpr const char* builtin_name = "demo";

class Catalog {
 public:
  explicit Catalog(CatalogPlaces places);
  ~Catalog();

  const CatalogPlaces& places() const { return places_; }

  // Of the folder by name, then of the hub's cache; of models the built-in one first.
  std::vector<CatalogEntry> list(CatalogKind kind) const;

  // By name, file name or the web UI's title "file [hash]"; models also by an alias of the registry (sd15); "" is the
  // built-in model. A name is only ever looked up in the lists, so no name leads out of the folders. Errors: model.
  CatalogEntry find(CatalogKind kind, const std::string& name) const;

 private:
  std::vector<CatalogEntry> list_folder(CatalogKind kind) const;
  std::vector<CatalogEntry> list_hub(CatalogKind kind) const;
  std::optional<CatalogEntry> find_in_hub(const std::string& name) const;

  class FileKinds;
  CatalogPlaces places_;
  std::unique_ptr<FileKinds> kinds_;
};

}  // namespace imagent::server
