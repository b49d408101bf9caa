// Weights in one of several forms: safetensors before pickles, whole before shards, the wanted precision first.
#include "hub/file_selection.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/printable.h"

namespace imagent {
namespace {

constexpr const char* networks[] = {"unet", "vae", "text_encoder", "text_encoder_2"};
constexpr const char* tokenizers[] = {"tokenizer", "tokenizer_2"};
constexpr const char* tokenizer_files[] = {"vocab.json", "merges.txt", "special_tokens_map.json", "tokenizer_config.json", "added_tokens.json"};

using Files = std::map<std::string, RemoteFile>;

class Selection {
 public:
  Selection(const Listing& listing, const RepositoryId& repository, bool prefer_half) : repository_(repository), variants_{prefer_half ? ".fp16" : "", prefer_half ? "" : ".fp16"} {
    for (const RemoteFile& file : listing.files) files_[file.path] = file;
  }

  std::vector<RemoteFile> run() {
    if (!repository_.file.empty())
      add_named(repository_.file);
    else if (has("model_index.json"))
      add_pipeline();
    else if (has("config.json"))
      add_module();
    else if (has("pytorch_lora_weights.safetensors"))
      add("pytorch_lora_weights.safetensors");
    else
      add_single_file();
    return std::move(selected_);
  }

 private:
  bool has(const std::string& path) const { return files_.contains(path); }
  bool has_folder(const std::string& folder) const {
    const auto next = files_.lower_bound(folder + "/");
    return next != files_.end() && next->first.starts_with(folder + "/");
  }
  void add(const std::string& path) {
    if (has(path)) selected_.push_back(files_.at(path));
  }
  void add_named(const std::string& path) {
    check(has(path), ErrorKind::model, repository_.name, " has no file \"", path, "\" at revision ", repository_.revision);
    add(path);
  }

  void add_pipeline() {
    add("model_index.json");
    add("scheduler/scheduler_config.json");
    for (const std::string folder : tokenizers)
      for (const char* file : tokenizer_files) add(folder + "/" + file);
    for (const std::string folder : networks) {
      if (!has_folder(folder)) continue;
      add(folder + "/config.json");
      add_weights(folder + "/", folder.starts_with("text_encoder") ? "model" : "diffusion_pytorch_model");
    }
  }

  void add_module() {
    add("config.json");
    add_weights("", "diffusion_pytorch_model");
  }

  void add_weights(const std::string& folder, const std::string& stem) {
    for (const std::string& variant : variants_)
      if (add_safetensors(folder + stem, variant)) return;
    const std::string pickle = stem == "model" ? "pytorch_model" : stem;
    for (const std::string& variant : variants_)
      if (has(folder + pickle + variant + ".bin")) return add(folder + pickle + variant + ".bin");
    fail(ErrorKind::model, repository_.name, " has no weights in ", folder.empty() ? "its root" : folder, ": neither ", stem, ".safetensors, its .fp16 variant or shards, nor ", pickle, ".bin");
  }

  bool add_safetensors(const std::string& stem, const std::string& variant) {
    if (has(stem + variant + ".safetensors")) {
      add(stem + variant + ".safetensors");
      return true;
    }
    const std::string index = stem + ".safetensors.index" + variant + ".json";
    if (!has(index)) return false;
    add(index);
    const std::string prefix = stem + variant + "-";
    for (auto file = files_.lower_bound(prefix); file != files_.end() && file->first.starts_with(prefix); ++file)
      if (file->first.ends_with(".safetensors") && file->first.find("-of-") != std::string::npos) selected_.push_back(file->second);
    return true;
  }

  void add_single_file() {
    std::vector<std::string> found;
    for (const char* extension : {".safetensors", ".gguf", ".ckpt"}) {
      if (!found.empty()) break;
      for (const auto& [path, file] : files_)
        if (path.find('/') == path.npos && path.ends_with(extension)) found.push_back(path);
    }
    check(!found.empty(), ErrorKind::model, repository_.name, " holds no model that this program reads: no model_index.json, no config.json, no .safetensors, .gguf or .ckpt file");
    if (found.size() > 1) {
      std::string names;
      for (size_t i = 0; i < std::min<size_t>(found.size(), 8); ++i) names += (i ? ", " : "") + printable(found[i]);
      fail(ErrorKind::model, repository_.name, " holds several single files: name one as ", repository_.name, "/FILE, of ", names);
    }
    add(found.front());
  }

  const RepositoryId& repository_;
  std::string variants_[2];
  Files files_;
  std::vector<RemoteFile> selected_;
};

}  // namespace

std::vector<RemoteFile> select_files(const Listing& listing, const RepositoryId& repository, bool prefer_half) { return Selection(listing, repository, prefer_half).run(); }

}  // namespace imagent
