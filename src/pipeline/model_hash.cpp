// Hashes of models. A1111 modules/sd_models.py: the first 10 digits of a checkpoint's SHA-256.
#include "pipeline/model_hash.h"

#include <algorithm>
#include <span>
#include <vector>

#include "hub/environment.h"
#include "hub/hash_cache.h"
#include "hub/model_files.h"
#include "hub/repository.h"

namespace imagent {

namespace fs = std::filesystem;

std::string hash_of_file(const fs::path& file, const Cancelled& cancelled) {
  std::error_code error;
  const std::string blob = fs::canonical(file, error).filename();
  return is_sha256(blob) ? blob : HashCache(own_cache_folder() / "hashes.json").sha256(file, cancelled);
}

// The file that a part comes from, or those of its folder when it is in shards.
static std::vector<fs::path> files_of(const fs::path& origin) {
  std::error_code error;
  if (fs::is_regular_file(origin, error)) return {origin};
  std::vector<fs::path> files;
  for (fs::directory_iterator at(origin, error), end; !error && at != end; at.increment(error))
    if (has_weight_extension(at->path())) files.push_back(at->path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string weights_hash(const fs::path& origin, const Cancelled& cancelled) {
  const std::vector<fs::path> files = files_of(origin);
  if (files.size() == 1) return short_hash(hash_of_file(files[0], cancelled));
  std::string all;
  for (const fs::path& file : files) all += hash_of_file(file, cancelled);
  return short_hash(sha256_of(std::as_bytes(std::span(all))));
}

std::string model_sha256(const ModelSource& source, bool prefer_half, const Cancelled& cancelled) {
  const ModelSource& model = source.own();
  std::error_code error;
  if (fs::is_regular_file(model.path(), error)) return hash_of_file(model.path(), cancelled);
  std::string all;
  for (const char* part : {"unet", "vae", "text_encoder", "text_encoder_2"}) {
    if (!model.has(part)) continue;
    for (const fs::path& file : files_of(model.weights(part, prefer_half)->origin())) all += hash_of_file(file, cancelled);
  }
  return sha256_of(std::as_bytes(std::span(all)));
}

std::string model_hash(const ModelSource& model, bool prefer_half, const Cancelled& cancelled) { return short_hash(model_sha256(model, prefer_half, cancelled)); }

}  // namespace imagent
