// File names of diffusers (utils/constants.py, utils/hub_utils.py: _add_variant) and transformers.
#include "pipeline/part_files.h"

#include "base/error.h"
#include "weights/names_ldm.h"
#include "weights/open.h"
#include "weights/renamed.h"
#include "weights/shards.h"

namespace imagent {

namespace fs = std::filesystem;

namespace {

// Whether transformers names the part's files, and not diffusers.
bool is_of_transformers(const std::string& part) { return part.starts_with("text_encoder") || part == "image_encoder"; }

// "model.safetensors", "model.fp16.safetensors", or the index of its shards; "" when neither is there.
fs::path variant_of(const fs::path& folder, const std::string& stem, const std::string& extension, const std::string& variant) {
  std::error_code error;
  for (const std::string& name : {stem + variant + extension, stem + extension + ".index" + variant + ".json"})
    if (fs::exists(folder / name, error)) return folder / name;
  return {};
}

uintmax_t size_on_disk(const fs::path& file) {
  if (file.extension() != ".json") return fs::file_size(file);
  uintmax_t sum = 0;
  for (const fs::path& shard : shard_files(file)) sum += fs::file_size(shard);
  return sum;
}

// Names of diffusers before 0.17 in the autoencoder's attention.
std::shared_ptr<const Source> with_new_vae_names(std::shared_ptr<const Source> source) {
  return renamed(std::move(source), {{".query.", ".to_q."}, {".key.", ".to_k."}, {".value.", ".to_v."}, {".proj_attn.", ".to_out.0."}});
}

}  // namespace

fs::path part_weights_file(const fs::path& folder, const std::string& part, bool prefer_half) {
  const std::string stem = is_of_transformers(part) ? "model" : "diffusion_pytorch_model";
  for (const std::string extension : {".safetensors", ".bin", ".gguf"}) {
    const std::string own_stem = is_of_transformers(part) && extension == ".bin" ? "pytorch_model" : stem;
    const fs::path full = variant_of(folder, own_stem, extension, ""), half = variant_of(folder, own_stem, extension, ".fp16");
    if (full.empty() && half.empty()) continue;
    if (full.empty() || half.empty()) return full.empty() ? half : full;
    return prefer_half && size_on_disk(half) < size_on_disk(full) ? half : full;
  }
  fail(ErrorKind::model, "no weights in ", folder.string(), ": neither ", stem, ".safetensors nor ", stem,
       ".fp16.safetensors nor an index of shards, nor the same as .bin or .gguf");
}

std::shared_ptr<const Source> open_part(const fs::path& folder, const std::string& part, bool prefer_half) {
  auto source = open_weights(part_weights_file(folder, part, prefer_half));
  return part == "vae" ? with_new_vae_names(std::move(source)) : source;
}

std::shared_ptr<const Source> open_vae(const fs::path& path, bool prefer_half) {
  std::error_code error;
  check(fs::exists(path, error), ErrorKind::model, "there is no VAE ", path.string());
  if (fs::is_directory(path, error)) return open_part(fs::is_directory(path / "vae", error) ? path / "vae" : path, "vae", prefer_half);
  auto file = open_weights(path);
  const auto parts = ldm_parts(file->names());
  if (const auto vae = parts.find("vae"); vae != parts.end()) return rearranged(file, vae->second);
  check(file->find("decoder.mid_block.resnets.0.conv1.weight").has_value(), ErrorKind::model, path.string(), " holds no VAE");
  return with_new_vae_names(std::move(file));
}

}  // namespace imagent
