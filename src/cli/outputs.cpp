// Files that a run leaves. Latents as safetensors: github.com/huggingface/safetensors, README "Format".
#include "cli/outputs.h"

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "cli/console.h"
#include "image/codec.h"
#include "image/output_path.h"

namespace imagent {

static void check_writable(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  check(std::filesystem::is_directory(folder, error), ErrorKind::io, "cannot write ", quoted(path.string()), ": there is no folder ",
        quoted(folder.string()));
  check(!std::filesystem::is_directory(path, error), ErrorKind::io, "cannot write ", quoted(path.string()), ": it is a folder");
  const bool exists = std::filesystem::exists(path, error);
  const bool special = exists && !std::filesystem::is_regular_file(path, error);
  check(access(special ? path.c_str() : folder.c_str(), W_OK) == 0, ErrorKind::io, "cannot write ", quoted(path.string()), ": ",
        std::strerror(errno));
}

static void make_folder(const std::string& pattern) {
  if (pattern.empty() || pattern.back() != '/') return;
  std::error_code error;
  std::filesystem::create_directories(pattern, error);
  check(!error, ErrorKind::io, "cannot make the folder ", quoted(pattern), ": ", error.message());
}

Outputs::Outputs(const RunOptions& options, int pictures) : options_(options) {
  if (!options.save_latents.empty()) check_writable(options.save_latents);
  if (options.output == "-") return;
  make_folder(options.output);
  paths_ = output_paths(options.output, pictures);
  for (const auto& path : paths_) {
    format_of_path(path);
    check_writable(path);
  }
}

std::string Outputs::write_picture(const Result& result) {
  const bool to_stdout = options_.output == "-";
  const std::filesystem::path path = to_stdout ? std::filesystem::path("-") : paths_.at(next_++);
  EncodeOptions encode;
  if (!to_stdout) encode.format = format_of_path(path);
  if (!options_.no_metadata) encode.parameters = result.infotext;
  const std::vector<uint8_t> bytes = encode_image(result.image, encode);
  if (to_stdout)
    write_result(bytes);
  else
    write_file_atomically(path, bytes);
  return path.string();
}

void Outputs::write_preview(const Image& image) const {
  std::filesystem::path path = paths_.at(next_);
  path.replace_extension(".preview.png");
  write_file_atomically(path, encode_image(image));
}

void Outputs::keep_latents(const Run& run) {
  if (options_.save_latents.empty()) return;
  for (const Result& result : run.results) {
    latent_height_ = result.latent_height;
    latent_width_ = result.latent_width;
    latents_.insert(latents_.end(), result.latents.begin(), result.latents.end());
    ++latents_count_;
  }
}

void Outputs::write_latents() const {
  if (options_.save_latents.empty() || latents_count_ == 0) return;
  const int64_t channels = static_cast<int64_t>(latents_.size()) / (latents_count_ * latent_height_ * latent_width_);
  const size_t size = latents_.size() * sizeof(float);
  std::string header = nlohmann::json{{"latents", {{"dtype", "F32"}, {"shape", {latents_count_, channels, latent_height_, latent_width_}},
                                                   {"data_offsets", {0, size}}}}}
                           .dump();
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::vector<uint8_t> file(8 + header.size() + size);
  const uint64_t length = header.size();
  for (int i = 0; i < 8; ++i) file[static_cast<size_t>(i)] = static_cast<uint8_t>(length >> (8 * i));
  std::memcpy(file.data() + 8, header.data(), header.size());
  std::memcpy(file.data() + 8 + header.size(), latents_.data(), size);
  write_file_atomically(options_.save_latents, file);
}

}  // namespace imagent
