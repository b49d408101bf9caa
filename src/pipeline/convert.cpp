// Planning and writing a conversion.
#include "pipeline/convert.h"

#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "base/str.h"
#include "pipeline/convert_input.h"
#include "pipeline/convert_type.h"
#include "weights/renamed.h"

namespace imagent {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t folder_shard_size = 10'000'000'000;  // diffusers' own default

ConvertTarget target_of(const ConvertOptions& options) {
  if (options.to != ConvertTarget::automatic) return options.to;
  const std::string extension = lower_ascii(options.output.extension().string());
  if (extension == ".safetensors") return ConvertTarget::safetensors;
  if (extension == ".gguf") return ConvertTarget::gguf;
  for (const char* other : {".ckpt", ".pt", ".pth", ".bin"})
    check(extension != other, ErrorKind::usage, "--output ", options.output.string(), ": files of PyTorch are read but not written; .safetensors, .gguf or a folder would be right");
  return ConvertTarget::folder;
}

void check_output(const ConvertOptions& options, ConvertTarget target) {
  const fs::path& output = options.output;
  std::error_code error;
  const fs::path parent = fs::absolute(output.has_filename() ? output : output.parent_path()).parent_path();
  check(fs::is_directory(parent, error), ErrorKind::io, "cannot write ", output.string(), ": there is no folder ", parent.string());
  if (!fs::exists(output, error)) return;
  const bool folder = fs::is_directory(output, error);
  check(folder == (target == ConvertTarget::folder), ErrorKind::usage, "--output ", output.string(), ": is a ",
        folder ? "folder, a file would be written" : "file, a folder would be written");
  check(options.force, ErrorKind::usage, "--output ", output.string(), " exists already: --force replaces it");
  check(!folder || fs::is_empty(output, error) || fs::exists(output / "model_index.json", error), ErrorKind::usage, "--output ", output.string(),
        ": is a folder with other things in it than a model, which --force does not replace");
}

void check_options(const ConvertOptions& options, ConvertTarget target) {
  check(options.shard_size == 0 || target != ConvertTarget::gguf, ErrorKind::usage, "--shard-size: a GGUF file is one file; shards are for safetensors and folders");
  check(!options.prune || target != ConvertTarget::folder, ErrorKind::usage, "--prune: a folder never holds more than the model needs");
  const bool no_vae = !options.only.empty() && std::find(options.only.begin(), options.only.end(), "vae") == options.only.end();
  check(options.vae.empty() || !no_vae, ErrorKind::usage, "--vae and --only ", join(options.only, ","), ": the VAE would not be written");
}

// Counts what is written, reports it and stops on request.
class Meter {
 public:
  Meter(const ConvertEvents& events, uint64_t total) : events_(events), progress_{0, total} { wrote(0); }
  void wrote(uint64_t bytes) {
    check(!events_.cancel || !*events_.cancel, ErrorKind::cancelled, "cancelled");
    progress_.done += bytes;
    if (events_.progress) events_.progress(progress_);
  }
  WroteBytes callback() {
    return [this](uint64_t bytes) { wrote(bytes); };
  }

 private:
  const ConvertEvents& events_;
  ConvertProgress progress_;
};

void check_space(const fs::path& output, uint64_t bytes) {
  std::error_code error;
  const fs::space_info space = fs::space(fs::absolute(output.has_filename() ? output : output.parent_path()).parent_path(), error);
  const bool device = fs::exists(output, error) && fs::is_other(output, error);
  check(error || device || space.available >= bytes, ErrorKind::io, "cannot write ", output.string(), ": it needs ", bytes >> 20, " MB, the disk has ", space.available >> 20, " MB left");
}

WeightsPlan plan_of(const Source& source, const TypeRule& rule) {
  WeightsPlan plan;
  for (const std::string& name : source.names()) {
    const auto view = source.find(name);
    check(view.has_value(), ErrorKind::model, source.origin(), " lacks tensor ", name);
    plan.tensors.push_back({name, view->shape, rule.type_of(name, *view)});
  }
  return plan;
}

// model.safetensors becomes model-00001-of-00003.safetensors and so on, and model.safetensors.index.json.
void write_shards(const fs::path& path, const std::vector<WeightsPlan>& shards, const Source& source, const WroteBytes& wrote) {
  const std::string stem = path.stem().string(), extension = path.extension().string();
  std::vector<std::string> names;
  std::vector<AtomicFile> files;
  for (size_t i = 0; i < shards.size(); ++i) {
    char number[32];
    std::snprintf(number, sizeof number, "-%05zu-of-%05zu", i + 1, shards.size());
    names.push_back(stem + number + extension);
    files.emplace_back(path.parent_path() / names.back());
    write_safetensors(files.back(), shards[i], source, wrote);
  }
  for (AtomicFile& file : files) file.commit();
  const std::string index = shard_index(shards, names);
  write_file_atomically(path.parent_path() / (stem + extension + ".index.json"), {reinterpret_cast<const uint8_t*>(index.data()), index.size()});
}

// One file, or shards when it is larger than `most`. Gives what to open.
fs::path write_weights(const fs::path& path, const WeightsPlan& plan, const Source& source, uint64_t most, const WroteBytes& wrote) {
  const auto shards = sharded(plan, most);
  if (shards.size() > 1) {
    write_shards(path, shards, source, wrote);
    return path.string() + ".index.json";
  }
  AtomicFile file(path);
  write_safetensors(file, plan, source, wrote);
  file.commit();
  return path;
}

// A VAE alone is published without its prefix.
void strip_lone_vae(std::map<std::string, TensorTable>& tables) {
  constexpr std::string_view prefix = "first_stage_model.";
  if (tables.size() != 1 || !tables.contains("vae")) return;
  for (auto& [name, stored] : tables.at("vae"))
    if (stored.name.starts_with(prefix)) stored.name.erase(0, prefix.size());
}

Converted write_single(ConvertInput& in, const ConvertOptions& options, ConvertTarget target, const TypeRule& rule, const ConvertEvents& events) {
  if (!options.only.empty()) strip_lone_vae(in.tables);
  const auto whole = [&](const auto& parts) {
    std::vector<std::shared_ptr<const Source>> sources = {assembled(parts, in.tables)};
    if (in.others) sources.push_back(in.others);
    return merged(std::move(sources), options.input.string());
  };
  WeightsPlan plan = plan_of(*whole(in.shapes), rule);
  // Beside a model's parts schedules and the like are no weights: only copies of weights change their type.
  const TypeRule keep("keep", target);
  for (PlannedTensor& tensor : plan.tensors)
    if (const auto other = in.others && !in.parts.empty() ? in.others->find(tensor.name) : std::nullopt; other && !tensor.name.starts_with("model_ema."))
      tensor.type = keep.type_of(tensor.name, *other);
  plan.metadata = in.metadata;
  const uint64_t bytes = plan.bytes();
  check_space(options.output, bytes);
  Meter meter(events, bytes);
  const auto source = whole(in.parts);
  if (target == ConvertTarget::safetensors) {
    const fs::path path = write_weights(options.output, plan, *source, options.shard_size ? options.shard_size : UINT64_MAX, meter.callback());
    return {path, bytes, plan.tensors.size()};
  }
  plan.metadata["general.architecture"] = "diffusion";
  AtomicFile file(options.output);
  write_gguf(file, plan, *source, meter.callback());
  file.commit();
  return {options.output, bytes, plan.tensors.size()};
}

void write_text(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  write_file_atomically(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

void write_configuration(const fs::path& folder, const ConvertInput& in, const ConvertOptions& options) {
  std::vector<std::string> parts = {"scheduler", "tokenizer", "tokenizer_2"};
  for (const auto& [part, source] : in.parts) parts.push_back(part);
  for (const auto& [name, text] : convert_folder_files(in, options)) {
    const bool of_part = name.find('/') != std::string::npos && in.parts.contains(name.substr(0, name.find('/')));
    if (!options.only.empty() && !of_part) continue;
    write_text(folder / name, name == "model_index.json" ? index_with_parts(text, parts) : text);
  }
}

Converted write_folder(const ConvertInput& in, const ConvertOptions& options, const TypeRule& rule, const ConvertEvents& events) {
  std::map<std::string, WeightsPlan> plans;
  Converted done{options.output};
  for (const auto& [part, shapes] : in.shapes) {
    WeightsPlan& plan = plans[part] = plan_of(*shapes, rule);
    if (part == "unet") plan.metadata = in.metadata;
    plan.metadata["format"] = "pt";  // without it transformers refuses the file
    done.bytes += plan.bytes();
    done.tensors += plan.tensors.size();
  }
  check_space(options.output, done.bytes);
  Meter meter(events, done.bytes);
  AtomicFolder folder(options.output);
  write_configuration(folder.path(), in, options);
  for (const auto& [part, plan] : plans) {
    const char* file = part.starts_with("text_encoder") ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
    fs::create_directories(folder.path() / part);
    write_weights(folder.path() / part / file, plan, *in.parts.at(part), options.shard_size ? options.shard_size : folder_shard_size, meter.callback());
  }
  folder.commit();
  return done;
}

}  // namespace

Converted convert_model(const ConvertOptions& options, const ConvertEvents& events) {
  const ConvertTarget target = target_of(options);
  const TypeRule rule(options.dtype, target);
  check_options(options, target);
  check_output(options, target);
  ConvertInput in = open_convert_input(options, target == ConvertTarget::folder);
  return target == ConvertTarget::folder ? write_folder(in, options, rule, events) : write_single(in, options, target, rule, events);
}

}  // namespace imagent
