// The models, LoRAs and embeddings that callers may name: what lies in the folders of this server, and nothing else.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace imagent::server {

struct CatalogPlaces {
  std::filesystem::path models = {}, loras = {}, embeddings = {};  // "": none
};

struct CatalogEntry {
  std::string name;                  // of the file without its extension, or of the folder
  std::string file_name;             // with it
  std::filesystem::path path;
};

inline constexpr const char* builtin_name = "demo";

class Catalog {
 public:
  explicit Catalog(CatalogPlaces places) : places_(std::move(places)) {}

  std::vector<CatalogEntry> models() const;      // the built-in one, with an empty path, first
  std::vector<CatalogEntry> loras() const;
  std::vector<CatalogEntry> embeddings() const;

  // By name, file name or the web UI's title "file [hash]"; "" is the built-in model. A name is only ever looked up in the
  // lists, so no name leads out of the folders. Errors: model.
  CatalogEntry find_model(const std::string& name) const;
  CatalogEntry find_lora(const std::string& name) const;

 private:
  CatalogPlaces places_;
};

}  // namespace imagent::server
