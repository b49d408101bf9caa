// Listing the server's folders and the hub's cache.
#include "server/catalog.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <mutex>
#include <string_view>

#include "base/error.h"
#include "hub/local_models.h"
#include "hub/model_files.h"
#include "hub/registry.h"
#include "pipeline/field.h"
#include "pipeline/file_kind.h"
#include "pipeline/named_files.h"

namespace imagent::server {
namespace {

namespace fs = std::filesystem;

struct KindRow {
  const char* noun;
  fs::path CatalogPlaces::*folder;
  std::vector<std::string> extensions;
  const char* folder_mark;           // the file by which a folder is one of them, "": folders do not count
};

const KindRow& row_of(CatalogKind kind) {
  static const std::vector<KindRow> rows = {
      {"model", &CatalogPlaces::models, {".safetensors", ".pt", ".ckpt", ".gguf"}, "model_index.json"},
      {"LoRA", &CatalogPlaces::loras, {".safetensors", ".pt", ".bin"}, ""},
      {"embedding", &CatalogPlaces::embeddings, {".safetensors", ".pt", ".bin"}, ""},
      {"VAE", &CatalogPlaces::vaes, {".safetensors", ".pt", ".ckpt", ".bin"}, "config.json"},
      {"ControlNet", &CatalogPlaces::controls, {".safetensors", ".pt", ".pth", ".bin"}, "config.json"},
      {"IP-Adapter", &CatalogPlaces::controls, {".safetensors", ".pt", ".pth", ".bin"}, ""},
      {"upscaler", &CatalogPlaces::upscalers, {".safetensors", ".pth", ".pt", ".bin", ".gguf"}, ""}};
  return rows[static_cast<size_t>(kind)];
}

bool is_of_kind(const std::string& found, CatalogKind kind) {
  if (kind == CatalogKind::vae) return found == "vae" || found == "taesd";
  if (kind == CatalogKind::control) return found == "controlnet" || found == "t2i-adapter";
  return kind == CatalogKind::model && (found.starts_with("sd") || found == "single file");
}

bool called(const CatalogEntry& entry, const std::string& name) {
  const auto titled = [&](const std::string& title) { return name.starts_with(title + " [") && name.ends_with("]"); };
  return name == entry.name || name == entry.file_name || titled(entry.name) || titled(entry.file_name);
}

}  // namespace

// What files are by the names of their tensors, looked at once as long as they stay the same.
class Catalog::FileKinds {
 public:
  // As kind_of_file().
  std::string kind(const fs::path& file) {
    const std::lock_guard lock(mutex_);
    const std::string stamp = model_stamp(file);
    const auto known = known_.find(file);
    if (known != known_.end() && known->second.first == stamp) return known->second.second;
    return (known_[file] = {stamp, kind_of_file(file)}).second;
  }

 private:
  std::mutex mutex_;
  std::map<fs::path, std::pair<std::string, std::string>> known_;  // stamp, kind
};

Catalog::Catalog(CatalogPlaces places) : places_(std::move(places)), kinds_(std::make_unique<FileKinds>()) {}
Catalog::~Catalog() = default;

std::vector<CatalogEntry> Catalog::list_folder(CatalogKind kind) const {
  const KindRow& row = row_of(kind);
  std::vector<CatalogEntry> entries;
  const fs::path& folder = places_.*row.folder;
  if (folder.empty()) return entries;
  std::error_code error;
  for (fs::directory_iterator it(fs::absolute(folder), error), end; !error && it != end; it.increment(error)) {
    const fs::path& path = it->path();
    std::error_code ignored;
    const std::string extension = lower_ascii(path.extension().string());
    const bool weights = std::find(row.extensions.begin(), row.extensions.end(), extension) != row.extensions.end();
    if (fs::is_regular_file(path, ignored) && weights)
      entries.push_back({path.stem().string(), path.filename().string(), path});
    else if (*row.folder_mark && fs::exists(path / row.folder_mark, ignored))
      entries.push_back({path.filename().string(), path.filename().string(), path});
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.file_name < b.file_name; });
  if (kind == CatalogKind::control || kind == CatalogKind::ip_adapter)
    std::erase_if(entries, [&](const CatalogEntry& entry) {
      std::error_code ignored;
      const std::string found = fs::is_directory(entry.path, ignored) ? kind_of_model(entry.path) : kinds_->kind(entry.path);
      return found == "image encoder" || (found == "ip-adapter") != (kind == CatalogKind::ip_adapter);
    });
  return entries;
}

std::vector<CatalogEntry> Catalog::list_hub(CatalogKind kind) const {
  std::vector<CatalogEntry> entries;
  if (!places_.hub || (kind != CatalogKind::model && kind != CatalogKind::vae && kind != CatalogKind::control)) return entries;
  for (const LocalModel& model : list_local_models({places_.hub->cache}))
    if (model.missing.empty() && is_of_kind(model.kind, kind))
      entries.push_back({model.name, model.name, single_file_of(model.path).value_or(model.path)});
  return entries;
}

std::vector<CatalogEntry> Catalog::list(CatalogKind kind) const {
  std::vector<CatalogEntry> entries;
  if (kind == CatalogKind::model) entries.push_back({builtin_name, builtin_name, {}});
  for (auto&& part : {list_folder(kind), list_hub(kind)}) entries.insert(entries.end(), part.begin(), part.end());
  return entries;
}

// Without the network, and without looking at all the cache.
std::optional<CatalogEntry> Catalog::find_in_hub(const std::string& name) const {
  if (!places_.hub) return std::nullopt;
  try {
    const Registry registry = Registry::for_user();
    const std::optional<ResolvedModel> model = registry.resolve(name.substr(0, name.find(" [")));
    if (!model) return std::nullopt;
    HubSettings settings = *places_.hub;
    settings.offline = true;
    const fs::path path = fetch_model(settings, *model);
    return CatalogEntry{model->repository, model->repository, single_file_of(path).value_or(path)};
  } catch (const Error&) {  // not in the cache, or not whole
    return std::nullopt;
  }
}

CatalogEntry Catalog::find(CatalogKind kind, const std::string& name) const {
  std::vector<CatalogEntry> entries = list_folder(kind);
  if (kind == CatalogKind::model) {
    entries.insert(entries.begin(), CatalogEntry{builtin_name, builtin_name, {}});
    if (name.empty()) return entries.front();
  }
  for (const CatalogEntry& entry : entries)
    if (called(entry, name)) return entry;
  const bool from_hub = kind == CatalogKind::model || kind == CatalogKind::vae || kind == CatalogKind::control;
  if (auto entry = from_hub ? find_in_hub(name) : std::nullopt) return *entry;
  std::vector<std::string> names;
  for (const CatalogEntry& entry : entries) names.push_back(entry.name);
  const std::string nearest = nearest_name(name, names);
  fail(ErrorKind::model, row_of(kind).noun, " ", quoted(name), " not found", nearest.empty() ? "" : "; did you mean " + nearest + "?");
}

}  // namespace imagent::server
