// Telling autoencoders apart by the names of their tensors. TAESD's files: github.com/madebyollin/taesd, taesd.py.
#include "pipeline/vae_source.h"

#include <nlohmann/json.hpp>

#include "base/str.h"
#include "models/taesd.h"
#include "pipeline/model_config.h"
#include "weights/names_ldm.h"
#include "weights/open.h"
#include "weights/renamed.h"

namespace imagent {
namespace {

namespace fs = std::filesystem;

constexpr const char* encoder_word = "encoder";
constexpr const char* decoder_word = "decoder";

bool has(const Source& source, const char* name) { return source.find(name).has_value(); }

// TAESD's decoder begins with an activation, which diffusers leaves out: "1.weight" is "decoder.layers.0.weight".
TensorTable tiny_names(const Source& file, const char* half, long long first) {
  TensorTable table;
  for (const std::string& name : file.names()) {
    const size_t end = name.find('.');
    long long number = 0;
    if (end != std::string::npos && parse_number(std::string_view(name).substr(0, end), number) && number >= first)
      table[str(half, ".layers.", number - first, name.substr(end))] = {name};
    else
      table[name] = {name};
  }
  return table;
}

fs::path other_half(const fs::path& path, const std::string& from, const std::string& to) {
  std::string name = path.filename().string();
  const size_t at = name.rfind(from);
  return at == std::string::npos ? fs::path() : path.parent_path() / name.replace(at, from.size(), to);
}

int channels_of(const Source& source, const char* name, int axis) {
  const auto view = source.find(name);
  return view && axis < view->shape.rank() ? static_cast<int>(std::min<int64_t>(view->shape[axis], 64)) : 0;
}

VaeConfig tiny_config(const Source& source) {
  VaeConfig config{.scaling_factor = 1, .tiny = true};
  if (const int channels = channels_of(source, "decoder.layers.0.weight", 1)) config.latent_channels = channels;
  return config;
}

VaeSource open_tiny_file(const fs::path& path, const std::shared_ptr<const Source>& file) {
  const bool encodes = has(*file, "0.weight");
  std::vector<std::shared_ptr<const Source>> halves = {rearranged(file, tiny_names(*file, encodes ? encoder_word : decoder_word, encodes ? 0 : 1))};
  const fs::path beside = encodes ? other_half(path, encoder_word, decoder_word) : other_half(path, decoder_word, encoder_word);
  std::error_code error;
  if (!beside.empty() && fs::exists(beside, error)) {
    const auto other = open_weights(beside);
    halves.push_back(rearranged(other, tiny_names(*other, encodes ? decoder_word : encoder_word, encodes ? 1 : 0)));
  }
  auto both = halves.size() == 1 ? halves[0] : merged(halves, path.string());
  const VaeConfig config = tiny_config(*both);
  return {path, std::move(both), config};
}

VaeSource open_vae_file(const fs::path& path) {
  const auto file = open_weights(path);
  if (has(*file, "1.weight") || has(*file, "0.weight")) return open_tiny_file(path, file);
  if (has(*file, "decoder.layers.0.weight")) return {path, file, tiny_config(*file)};
  if (has(*file, "decoder.mid_block.resnets.0.conv1.weight"))
    return {path, renamed(file, {{".query.", ".to_q."}, {".key.", ".to_k."}, {".value.", ".to_v."}, {".proj_attn.", ".to_out.0."}})};
  const auto parts = ldm_parts(file->names());
  const auto vae = parts.find("vae");
  check(vae != parts.end(), ErrorKind::model, path.string(), " is no VAE that imagent knows: none of its tensors has a name of one");
  return {path, rearranged(file, vae->second)};
}

VaeSource open_vae_folder(const fs::path& folder) {
  std::error_code error;
  if (fs::is_directory(folder / "vae", error)) return open_vae_folder(folder / "vae");
  const fs::path config_file = folder / "config.json";
  check(fs::exists(config_file, error), ErrorKind::model, folder.string(), " holds no VAE: it has no config.json");
  const nlohmann::json config = read_config(config_file);
  for (const char* name : {"diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.bin"})
    if (fs::exists(folder / name, error)) {
      VaeSource vae = open_vae_file(folder / name);
      vae.path = folder;
      if (!vae.config) vae.config = vae_config(config, config_file.string());
      return vae;
    }
  fail(ErrorKind::model, folder.string(), " holds no VAE: it has no diffusion_pytorch_model.safetensors");
}

class WithVae : public ModelSource {
 public:
  WithVae(std::shared_ptr<const ModelSource> model, VaeSource vae) : model_(std::move(model)), vae_(std::move(vae)) {}
  const fs::path& path() const override { return model_->path(); }
  std::string name() const override { return model_->name(); }
  const ModelSource& own() const override { return model_->own(); }
  bool has(const std::string& part) const override { return part == "vae" || model_->has(part); }
  ModelConfig model_config(const std::string& prediction) const override {
    ModelConfig config = model_->model_config(prediction);
    if (vae_.config) config.vae = *vae_.config;
    return config;
  }
  std::shared_ptr<const Source> weights(const std::string& part, bool prefer_half) const override {
    return part == "vae" ? vae_.weights : model_->weights(part, prefer_half);
  }
  ClipTokenizer tokenizer(const std::string& text_encoder) const override { return model_->tokenizer(text_encoder); }

 private:
  std::shared_ptr<const ModelSource> model_;
  VaeSource vae_;
};

}  // namespace

VaeSource open_vae(const fs::path& path) {
  std::error_code error;
  check(fs::exists(path, error), ErrorKind::model, "there is no VAE ", path.string());
  return fs::is_directory(path, error) ? open_vae_folder(path) : open_vae_file(path);
}

std::shared_ptr<const ModelSource> with_vae(std::shared_ptr<const ModelSource> model, VaeSource vae) {
  return std::make_shared<WithVae>(std::move(model), std::move(vae));
}

std::unique_ptr<VaeNetwork> make_vae_decoder(const Weights& w, const VaeConfig& config) {
  if (config.tiny) return std::make_unique<TinyDecoder>(w / "decoder" / "layers");
  return std::make_unique<VaeDecoder>(w, config);
}

std::unique_ptr<VaeNetwork> make_vae_encoder(const Weights& w, const VaeConfig& config) {
  if (config.tiny) return std::make_unique<TinyEncoder>(w / "encoder" / "layers");
  return std::make_unique<VaeEncoder>(w, config);
}

}  // namespace imagent
