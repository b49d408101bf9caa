// The command `convert`: models from one format into another.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/downloads.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "pipeline/convert.h"
#include "pipeline/engine.h"
#include "pipeline/field_rules.h"

namespace imagent {

namespace {
struct ConvertFlags {
  std::string output, dtype = "keep", config, prediction, vae, only, lora;
  ConvertTarget to = ConvertTarget::automatic;
  uint64_t shard_size = 0;
  bool prune = false, force = false, json = false, quiet = false;
  ProgressMode progress = ProgressMode::automatic;
};
}  // namespace

// "5GB", "500 MB", "1.5GiB" or bytes.
static Rule<ConvertFlags> size_rule() {
  const auto set = [](ConvertFlags& flags, const std::string& text) {
    static const std::pair<const char*, double> units[] = {{"kib", 0x1p10}, {"mib", 0x1p20}, {"gib", 0x1p30}, {"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"", 1}};
    const std::string word = lower_ascii(text);
    for (const auto& [unit, factor] : units) {
      if (!word.ends_with(unit)) continue;
      double number = 0;
      if (!parse_number(trim(std::string_view(word).substr(0, word.size() - std::string_view(unit).size())), number)) return false;
      if (!(number * factor >= 1e6 && number * factor <= 1e15)) return false;
      flags.shard_size = static_cast<uint64_t>(number * factor);
      return true;
    }
    return false;
  };
  const auto get = [](const ConvertFlags& flags) { return flags.shard_size ? std::to_string(flags.shard_size) : ""; };
  return {"a size of at least 1 MB, as in 5GB or 500MB", set, get};
}

static const std::vector<Field<ConvertFlags>>& convert_fields() {
  const char *what = "What", *how = "How", *terminal = "Terminal";
  std::vector<std::pair<std::string, std::string>> dtypes;
  for (const std::string& name : convert_dtypes()) dtypes.emplace_back(name, name);
  const auto toggle = [](const char* name, const std::vector<std::string>& flags, const char* group, const char* help, bool ConvertFlags::*member) {
    return Field<ConvertFlags>{{.name = name, .flags = flags, .json = {}, .group = group, .value = "", .help = help, .default_text = "", .kind = FieldKind::toggle}, rule::toggle(member)};
  };
  static const std::vector<Field<ConvertFlags>> fields = {
      {{.name = "output", .flags = {"-o", "--output"}, .json = {}, .group = what, .value = "PATH", .help = "File or folder to write", .default_text = "none"},
       rule::path(&ConvertFlags::output)},
      {{.name = "to", .flags = {"--to"}, .json = {}, .group = what, .value = "KIND", .help = "What to write", .default_text = "by the output's extension, none is a folder"},
       rule::choice(&ConvertFlags::to, {{"safetensors", ConvertTarget::safetensors}, {"folder", ConvertTarget::folder}, {"gguf", ConvertTarget::gguf}})},
      {{.name = "dtype", .flags = {"--dtype", "--type"}, .json = {}, .group = what, .value = "TYPE", .help = "Elements of the written tensors; q8_0 and its kind are for GGUF",
        .default_text = ""},
       rule::choice<ConvertFlags, std::string>(&ConvertFlags::dtype, dtypes)},
      {{.name = "vae", .flags = {"--vae"}, .json = {}, .group = what, .value = "PATH", .help = "Put this VAE in: a file, its folder or a whole model", .default_text = "the model's own"},
       rule::path(&ConvertFlags::vae)},
      {{.name = "lora", .flags = {"--lora"}, .json = {}, .group = what, .value = "FILE:WEIGHT", .help = "Bake a LoRA in; may be given several times", .default_text = "none",
        .kind = FieldKind::list},
       rule::path(&ConvertFlags::lora)},
      {{.name = "only", .flags = {"--only"}, .json = {}, .group = what, .value = "PARTS", .help = "Write these parts only: unet, vae, text_encoder, text_encoder_2, with commas between",
        .default_text = "all"},
       rule::text(&ConvertFlags::only)},
      toggle("prune", {"--prune"}, what, "Leave out what the model does not need: averaged copies, schedules", &ConvertFlags::prune),
      {{.name = "model_config", .flags = {"--model-config"}, .json = {}, .group = how, .value = "FOLDER",
        .help = "Configuration and tokenizer for a single file of an unusual size", .default_text = "detected"},
       rule::path(&ConvertFlags::config)},
      {{.name = "prediction", .flags = {"--prediction"}, .json = {}, .group = how, .value = "NAME", .help = "What the model predicts", .default_text = "as the model says"},
       rule::choice<ConvertFlags, std::string>(&ConvertFlags::prediction, {{"epsilon", "epsilon"}, {"v", "v_prediction"}, {"v_prediction", "v_prediction"}, {"sample", "sample"}})},
      {{.name = "shard_size", .flags = {"--shard-size"}, .json = {}, .group = how, .value = "SIZE", .help = "Largest safetensors file; more becomes shards with an index",
        .default_text = "10GB in a folder, else no limit"},
       size_rule()},
      toggle("force", {"--force"}, how, "Replace an output that exists", &ConvertFlags::force),
      toggle("json", {"--json"}, terminal, "One JSON object on standard output", &ConvertFlags::json),
      {{.name = "progress", .flags = {"--progress"}, .json = {}, .group = terminal, .value = "NAME", .help = "How progress is shown on standard error", .default_text = ""},
       rule::choice(&ConvertFlags::progress, {{"auto", ProgressMode::automatic}, {"bar", ProgressMode::bar}, {"plain", ProgressMode::plain},
                                              {"json", ProgressMode::json}, {"none", ProgressMode::none}})},
      toggle("quiet", {"-q", "--quiet"}, terminal, "No progress", &ConvertFlags::quiet),
  };
  return fields;
}

static ConvertOptions options_of(const Arguments& arguments, const ConvertFlags& flags) {
  check(arguments.positional.size() == 1, ErrorKind::usage, "convert needs one model: imagent convert MODEL -o OUTPUT");
  check(!flags.output.empty(), ErrorKind::usage, "--output is missing: a .safetensors or .gguf file, or a folder");
  ConvertOptions options = {.input = arguments.positional[0], .output = flags.output, .to = flags.to, .dtype = flags.dtype, .config = flags.config,
                            .prediction = flags.prediction, .vae = flags.vae, .loras = {}, .only = {}, .prune = flags.prune, .force = flags.force, .shard_size = flags.shard_size};
  for (const std::string_view part : split(flags.only, ','))
    if (!trim(part).empty()) options.only.emplace_back(trim(part));
  if (flags.lora.empty()) return options;
  for (const Given& lora : list_texts({flags.lora, "--lora"})) {
    const size_t colon = lora.text.rfind(':');
    double weight = 1;
    const bool weighted = colon != std::string::npos && parse_number(std::string_view(lora.text).substr(colon + 1), weight) && std::isfinite(weight);
    options.loras.emplace_back(weighted ? lora.text.substr(0, colon) : lora.text, static_cast<float>(weighted ? weight : 1));
  }
  return options;
}

static int run_convert(const Arguments& arguments) {
  ConvertFlags flags;
  apply(flags, convert_fields(), arguments.given);
  ConvertOptions options = options_of(arguments, flags);
  ProgressReporter reporter(progress_on_terminal(flags.progress, flags.quiet));
  std::error_code error;
  if (!std::filesystem::exists(options.input, error)) options.input = Engine().find_model(options.input.string(), download_events(reporter));
  const auto now = [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); };
  const double start = now();
  const auto report = [&](const ConvertProgress& p) {
    const double passed = now() - start, rate = passed > 0 ? static_cast<double>(p.done) / passed : 0;
    const double left = rate > 0 ? static_cast<double>(p.total - std::min(p.done, p.total)) / rate : -1;
    reporter.bytes(converting, {.done = p.done, .total = p.total, .bytes_per_second = rate, .seconds_left = left, .files_done = p.done >= p.total, .files = 1});
  };
  const Converted done = convert_model(options, {.progress = report, .cancel = &interrupted()});
  reporter.finish();
  write_result(flags.json ? json_text(nlohmann::ordered_json{{"path", done.path.string()}, {"tensors", done.tensors}, {"bytes", done.bytes},
                                                             {"peak_rss_mb", static_cast<double>(peak_resident_bytes() >> 10) / 1024}})
                          : str(done.path.string(), " ", done.tensors, " tensors, ", done.bytes, " bytes\n"));
  return 0;
}

Command convert_command() {
  CommandInfo info = {.name = "convert",
                      .summary = "A model into another format: single file, diffusers folder, GGUF",
                      .positional = "MODEL",
                      .positional_hint = "one model at a time",
                      .max_positional = 1,
                      .epilogue = "MODEL is a folder in diffusers' layout or a file: safetensors, an index of shards, a checkpoint of PyTorch, GGUF.\n\n"
                                  "Examples:\n"
                                  "  imagent convert model.ckpt -o model.safetensors --dtype f16 --prune\n"
                                  "  imagent convert model.safetensors -o models/mine\n"
                                  "  imagent convert models/mine -o mine-q8.gguf --dtype q8_0 --lora style.safetensors:0.8 --vae vae.safetensors\n"};
  return {std::move(info), "", infos(convert_fields()), run_convert};
}

}  // namespace imagent
