// Opening and loading IP-Adapters and image encoders. diffusers loaders/ip_adapter.py, loaders/unet.py.
#include "pipeline/loaded_ip_adapter.h"

#include <algorithm>
#include <set>

#include "base/printable.h"
#include "image/clip_pixels.h"
#include "pipeline/file_kind.h"
#include "pipeline/json_fields.h"
#include "pipeline/model_config.h"
#include "pipeline/part_files.h"
#include "weights/names_adapters.h"
#include "weights/open.h"

namespace imagent {

namespace fs = std::filesystem;

namespace {

constexpr const char* class_embedding = "vision_model.embeddings.class_embedding";

int64_t axis_of(const Source& source, const std::string& name, int axis) {
  const auto view = source.find(name);
  return view && axis < view->shape.rank() ? view->shape[axis] : 0;
}

ClipVisionConfig vision_config(const fs::path& file) {
  nlohmann::json config = read_config(file);
  if (const auto inner = config.find("vision_config"); inner != config.end() && inner->is_object()) config = nlohmann::json(*inner);
  const JsonFields fields(config, file.string());
  const std::string act = fields.get<std::string>("hidden_act", "quick_gelu");
  check(act == "gelu" || act == "quick_gelu", ErrorKind::unsupported, file.string(), ": \"hidden_act\" is ", printable(act), ", imagent knows gelu and quick_gelu");
  const int heads = fields.get("num_attention_heads", 12);
  fields.require(heads >= 1 && heads <= 4096, "num_attention_heads", "a count of heads");
  return {.heads = heads, .act = act == "gelu" ? Act::gelu : Act::quick_gelu, .layer_norm_eps = fields.get("layer_norm_eps", 1e-5f)};
}

// The published encoders by their widths.
ClipVisionConfig detect_vision(const Source& encoder) {
  const int64_t width = axis_of(encoder, class_embedding, 0);
  check(width == 1024 || width == 1280 || width == 1664, ErrorKind::unsupported, encoder.origin(), ": the image encoder is ", width,
        " wide, CLIP's are 1024, 1280 or 1664: name a folder with its configuration");
  return {.heads = 16, .act = width == 1024 ? Act::quick_gelu : Act::gelu};  // OpenAI's ViT-L/14; OpenCLIP's ViT-H/14, ViT-bigG/14
}

// What an adapter reads and an encoder gives: its hidden states, or its projected embedding.
int64_t width_read(const Source& adapter) {
  for (const char* name : {"image_proj.proj_in.weight", "image_proj.proj.0.weight"})
    if (const int64_t width = axis_of(adapter, name, 1)) return width;
  return axis_of(adapter, "image_proj.proj.weight", 1);
}
int64_t width_given(const Source& encoder, const Source& adapter) {
  return adapter.find("image_proj.proj.weight") ? axis_of(encoder, "visual_projection.weight", 0) : axis_of(encoder, class_embedding, 0);
}

}  // namespace

ImageEncoderFiles open_image_encoder(const fs::path& path, bool prefer_half) {
  std::error_code error;
  check(fs::exists(path, error), ErrorKind::model, "there is no image encoder ", path.string(), ": name a folder or a file");
  const bool folder = fs::is_directory(path, error);
  const fs::path config = (folder ? path : path.parent_path()) / "config.json";
  ImageEncoderFiles files{folder ? fs::weakly_canonical(path).filename().string() : path.stem().string(),
                          folder ? open_part(path, "image_encoder", prefer_half) : open_weights(path), {}};
  const std::string kind = files.weights->find(class_embedding) ? "" : kind_of(*files.weights);
  check(files.weights->find(class_embedding).has_value(), ErrorKind::model, path.string(), " is ", kind.empty() ? "no image encoder" : kind,
        ": CLIP's image encoder is wanted, as transformers saves it");
  files.config = folder || fs::exists(config, error) ? vision_config(config) : detect_vision(*files.weights);
  check(axis_of(*files.weights, class_embedding, 0) % files.config.heads == 0, ErrorKind::model, path.string(), ": its width is no multiple of its ", files.config.heads, " heads");
  return files;
}

const ClipVisionModel& LoadedImageEncoder::model() {
  if (!model_) {
    const Weights weights(files_.weights, backend_, compute_);
    ClipVisionModel model(weights, files_.config);
    weights.finish({"vision_model.embeddings.position_ids", "text_model.", "text_projection.", "logit_scale"});  // whole CLIPs do, too
    model.image_size();
    packed_bytes_ = weights.packed_bytes();
    model_ = std::move(model);
  }
  return *model_;
}

ClipVisionOutput LoadedImageEncoder::look(std::span<const float> pixels) {
  const int64_t side = model().image_size();
  return model()(cast(upload(backend_, {1, side, side, 3}, pixels), compute_));
}
ClipVisionOutput LoadedImageEncoder::look(const Image& picture) { return look(clip_pixels(picture, model().image_size())); }
ClipVisionOutput LoadedImageEncoder::look_at_nothing() {
  const auto side = static_cast<size_t>(model().image_size());
  return look(std::vector<float>(side * side * 3));
}

IpAdapterFiles open_ip_adapter(const fs::path& path) {
  std::error_code error;
  check(fs::is_regular_file(path, error), ErrorKind::model, "there is no IP-Adapter ", path.string(), ": name its file");
  const auto file = open_weights(path);
  const std::vector<std::string> names = file->names();
  const std::string kind = is_ip_adapter(names) ? "" : kind_of(*file);
  check(is_ip_adapter(names), ErrorKind::model, path.string(), " is ", kind.empty() ? "no IP-Adapter" : kind, ": an IP-Adapter is wanted");
  // diffusers tells them apart the same way.
  const bool face = file->find("image_proj.perceiver_resampler.proj_in.weight") || (file->find("image_proj.norm.weight") && file->find("image_proj.proj.0.weight"));
  check(!face, ErrorKind::unsupported, path.string(), " is a FaceID adapter: it reads what a face recogniser saw, which imagent does not have");
  return {path.stem().string(), rearranged(file, ip_adapter_names(names))};
}

fs::path image_encoder_beside(const fs::path& adapter, const IpAdapterFiles& files, bool prefer_half) {
  const fs::path folder = fs::absolute(adapter).parent_path();
  const int64_t wanted = width_read(*files.weights);
  std::error_code error;
  for (const fs::path& path : {folder / "image_encoder", folder.parent_path() / "models" / "image_encoder"})
    if (fs::exists(path / "config.json", error) && width_given(*open_image_encoder(path, prefer_half).weights, *files.weights) == wanted) return path;
  fail(ErrorKind::usage, "--ip-adapter ", adapter.string(), ": an image encoder of width ", wanted, " is wanted, and the folder image_encoder beside it is none: name one (--ip-encoder)");
}

LoadedIpAdapter::LoadedIpAdapter(IpAdapterFiles files, std::shared_ptr<LoadedImageEncoder> encoder, Backend& backend, DType compute)
    : files_(std::move(files)), encoder_(std::move(encoder)), backend_(backend), compute_(compute) {
  const int64_t read = width_read(*files_.weights), given = width_given(*encoder_->files().weights, *files_.weights);
  check(read == given, ErrorKind::usage, "the IP-Adapter ", files_.name, " reads an image encoder of width ", read, ", that of ", encoder_->files().name, " is ", given,
        ": it wants another one (--ip-encoder)");
}

const IpAdapter& LoadedIpAdapter::model() {
  if (!model_) {
    const Weights weights(files_.weights, backend_, compute_);
    IpAdapter model(weights);
    weights.finish();
    packed_bytes_ = weights.packed_bytes();
    model_ = std::move(model);
  }
  return *model_;
}

ImageTokens LoadedIpAdapter::tokens(const Image& picture) {
  const IpAdapter& adapter = model();
  const ClipVisionOutput seen = encoder_->look(picture);
  if (adapter.reads_states()) return {adapter.tokens(seen.penultimate), adapter.tokens(encoder_->look_at_nothing().penultimate)};
  const std::vector<float> nothing(static_cast<size_t>(seen.image_embeds.numel()));
  return {adapter.tokens(seen.image_embeds), adapter.tokens(cast(upload(backend_, seen.image_embeds.shape(), nothing), compute_))};
}

size_t packed_bytes(const std::vector<LoadedIpAdapter*>& adapters) {
  std::set<const LoadedIpAdapter*> own(adapters.begin(), adapters.end());
  std::set<const LoadedImageEncoder*> encoders;
  size_t bytes = 0;
  for (const LoadedIpAdapter* adapter : own) {
    bytes += adapter->packed_bytes();
    if (encoders.insert(adapter->encoder().get()).second) bytes += adapter->encoder()->packed_bytes();
  }
  return bytes;
}

}  // namespace imagent
