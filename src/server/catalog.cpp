// Listing the server's folders.
#include "server/catalog.h"

#include <algorithm>

#include "base/error.h"

namespace imagent::server {

namespace fs = std::filesystem;

static bool is_weight_file(const fs::path& path, bool adapters) {
  const std::string extension = lower_ascii(path.extension().string());
  if (extension == ".safetensors" || extension == ".pt") return true;
  return adapters ? extension == ".bin" : extension == ".ckpt" || extension == ".gguf";
}

static std::vector<CatalogEntry> list_folder(const fs::path& folder, bool adapters) {
  std::vector<CatalogEntry> entries;
  if (folder.empty()) return entries;
  std::error_code error;
  for (fs::directory_iterator it(fs::absolute(folder), error), end; !error && it != end; it.increment(error)) {
    const fs::path& path = it->path();
    std::error_code ignored;
    if (fs::is_regular_file(path, ignored) && is_weight_file(path, adapters))
      entries.push_back({path.stem().string(), path.filename().string(), path});
    else if (!adapters && fs::exists(path / "model_index.json", ignored))
      entries.push_back({path.filename().string(), path.filename().string(), path});
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.file_name < b.file_name; });
  return entries;
}

std::vector<CatalogEntry> Catalog::models() const {
  std::vector<CatalogEntry> entries = list_folder(places_.models, false);
  entries.insert(entries.begin(), CatalogEntry{builtin_name, builtin_name, {}});
  return entries;
}
std::vector<CatalogEntry> Catalog::loras() const { return list_folder(places_.loras, true); }
std::vector<CatalogEntry> Catalog::embeddings() const { return list_folder(places_.embeddings, true); }

static CatalogEntry find(const std::vector<CatalogEntry>& entries, const std::string& name, const char* what) {
  std::vector<std::string> names;
  for (const CatalogEntry& entry : entries) {
    const bool titled = name.starts_with(entry.file_name + " [") && name.ends_with("]");
    if (name == entry.name || name == entry.file_name || titled) return entry;
    names.push_back(entry.name);
  }
  const std::string nearest = nearest_name(name, names);
  fail(ErrorKind::model, what, " '", name.substr(0, 100), "' not found", nearest.empty() ? "" : "; did you mean " + nearest + "?");
}

CatalogEntry Catalog::find_model(const std::string& name) const { return name.empty() ? models().front() : find(models(), name, "model"); }
CatalogEntry Catalog::find_lora(const std::string& name) const { return find(loras(), name, "LoRA"); }

}  // namespace imagent::server
