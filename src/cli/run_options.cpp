// Fields of RunOptions, one row each, and the way from arguments to a request.
#include "cli/run_options.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "backends.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "cli/console.h"
#include "image/codec.h"
#include "pipeline/field_rules.h"
#include "pipeline/request_fields.h"

namespace imagent {

static Rule<RunOptions> device_rule() {
  std::vector<std::pair<std::string, std::string>> names = {{"auto", "auto"}};
  for (const BackendEntry& entry : backend_list()) names.emplace_back(entry.name, entry.name);
  return rule::choice(&RunOptions::device, std::move(names));
}

static Field<RunOptions> toggle(const char* name, const char* flag, const char* group, const char* help, bool RunOptions::*member) {
  std::vector<std::string> flags = {flag};
  if (std::string_view(name) == "quiet") flags.insert(flags.begin(), "-q");
  return {{.name = name, .flags = std::move(flags), .json = {}, .group = group, .value = "", .help = help, .default_text = "", .kind = FieldKind::toggle},
          rule::toggle(member)};
}

static std::vector<Field<RunOptions>> make_fields() {
  const char *files = "Files", *machine = "Machine", *terminal = "Terminal";
  return {
      {{.name = "output", .flags = {"-o", "--output"}, .json = {}, .group = files, .value = "PATH",
        .help = "Picture to write: .png, .jpg or .webp; %d stands for a number, a folder takes numbered files, - is standard output (PNG)",
        .default_text = ""},
       rule::path(&RunOptions::output)},
      {{.name = "count", .flags = {"--count"}, .json = {"n_iter"}, .group = files, .value = "N", .help = "Batches to make, one after another", .default_text = ""},
       rule::whole(&RunOptions::count, {.low = 1, .high = 10000})},
      {{.name = "prompt_file", .flags = {"--prompt-file"}, .json = {}, .group = "Prompt", .value = "FILE", .help = "Read the prompt from a file", .default_text = ""},
       rule::path(&RunOptions::prompt_file)},
      {{.name = "init_image", .flags = {"-i", "--init-image"}, .json = {}, .group = "Image to image", .value = "FILE",
        .help = "The picture to start from", .default_text = "none"},
       rule::path(&RunOptions::init_image)},
      {{.name = "mask", .flags = {"--mask"}, .json = {}, .group = "Mask", .value = "FILE",
        .help = "Picture that is white where something is to be drawn, black where all stays", .default_text = "none"},
       rule::path(&RunOptions::mask)},
      {{.name = "save_latents", .flags = {"--save-latents"}, .json = {}, .group = files, .value = "FILE",
        .help = "Write the final latents as safetensors (\"latents\": f32, NCHW, unscaled)", .default_text = "none"},
       rule::path(&RunOptions::save_latents)},
      {{.name = "from", .flags = {"--from"}, .json = {}, .group = "Prompt", .value = "PICTURE",
        .help = "Draw a picture again as its file says it was drawn; other flags change it", .default_text = "none"},
       rule::path(&RunOptions::from)},
      {{.name = "lora_dir", .flags = {"--lora-dir"}, .json = {}, .group = "Model", .value = "FOLDER",
        .help = "Where LoRAs that are named in the prompt or by --lora lie", .default_text = "none"},
       rule::path(&RunOptions::lora_dir)},
      {{.name = "embeddings_dir", .flags = {"--embeddings-dir"}, .json = {}, .group = "Model", .value = "FOLDER",
        .help = "Textual inversion: files whose names are words of the prompt", .default_text = "none"},
       rule::path(&RunOptions::embeddings_dir)},
      {{.name = "upscalers_dir", .flags = {"--upscalers-dir"}, .json = {}, .group = "Model", .value = "FOLDER",
        .help = "Where the files of upscaling networks lie that are given by name", .default_text = "none"},
       rule::path(&RunOptions::upscalers_dir)},
      toggle("no_metadata", "--no-metadata", files, "Leave the parameters out of the picture file", &RunOptions::no_metadata),
      {{.name = "config", .flags = {"--config"}, .json = {}, .group = files, .value = "FILE",
        .help = "JSON object with defaults for these flags: {\"steps\": 30, \"guidance_scale\": 6}", .default_text = "none"},
       rule::path(&RunOptions::config)},
      {{.name = "models_dir", .flags = {"--models-dir"}, .json = {}, .group = "Model", .value = "FOLDER", .help = "Folder of models that are called by their file names",
        .default_text = "none"},
       rule::path(&RunOptions::models_dir)},
      toggle("offline", "--offline", "Model", "Never download a model", &RunOptions::offline),
      {{.name = "device", .flags = {"--device"}, .json = {}, .group = machine, .value = "NAME", .help = "Where to compute", .default_text = ""}, device_rule()},
      toggle("cpu", "--cpu", machine, "Same as --device cpu", &RunOptions::cpu),
      toggle("low_vram", "--low-vram", machine, "Keep weights off the graphics card where it has no room for them", &RunOptions::low_vram),
      {{.name = "threads", .flags = {"--threads"}, .json = {}, .group = machine, .value = "N", .help = "Threads to compute with", .default_text = "0, all cores"},
       rule::whole(&RunOptions::threads, {.low = 0, .high = 1024})},
      toggle("json", "--json", terminal, "One JSON object a picture on standard output", &RunOptions::json),
      {{.name = "progress", .flags = {"--progress"}, .json = {}, .group = terminal, .value = "NAME", .help = "How progress is shown on standard error", .default_text = ""},
       rule::choice(&RunOptions::progress, {{"auto", ProgressMode::automatic}, {"bar", ProgressMode::bar}, {"plain", ProgressMode::plain},
                                            {"json", ProgressMode::json}, {"none", ProgressMode::none}})},
      toggle("quiet", "--quiet", terminal, "No progress and no remarks", &RunOptions::quiet),
      {{.name = "verbose", .flags = {"-v", "--verbose"}, .json = {}, .group = terminal, .value = "", .help = "Settings used and time of each phase; -vv: of each step too",
        .default_text = "", .kind = FieldKind::count},
       rule::whole(&RunOptions::verbose, {.low = 0, .high = 9})},
  };
}

const std::vector<Field<RunOptions>>& run_fields() {
  static const std::vector<Field<RunOptions>> fields = make_fields();
  return fields;
}

std::vector<FieldInfo> picture_fields() {
  std::vector<FieldInfo> all = infos(request_fields());
  const std::vector<FieldInfo> own = infos(run_fields());
  all.insert(all.end(), own.begin(), own.end());
  return all;
}

static void add_config_file(GivenValues& given, const std::vector<FieldInfo>& fields, const std::string& path) {
  const nlohmann::json object = nlohmann::json::parse(read_small_file(path, "the configuration file"), nullptr, false);
  check(object.is_object(), ErrorKind::usage, "configuration file ", quoted(path), ": should be a JSON object");
  const std::vector<std::string> unknown = add_json(given, fields, object, path);
  if (unknown.empty()) return;
  std::vector<std::string> names;
  for (const FieldInfo& field : fields) names.push_back(field.name);
  const std::string nearest = nearest_name(unknown.front(), names);
  fail(ErrorKind::usage, "configuration file ", quoted(path), ": unknown name ", quoted(unknown.front()),
       nearest.empty() ? "" : "; did you mean " + nearest + "?");
}

static std::string without_last_break(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

// "-" and --prompt-file become the text itself.
static void read_prompt(GivenValues& given, bool needed) {
  const auto prompt = given.find("prompt"), file = given.find("prompt_file");
  const bool from_flags = prompt != given.end() && prompt->second.origin.starts_with("--");
  if (file != given.end() && !from_flags) {
    given["prompt"] = {without_last_break(read_small_file(file->second.text, "the prompt file")), file->second.origin};
    return;
  }
  check(file == given.end() || !file->second.origin.starts_with("--"), ErrorKind::usage, "--prompt and --prompt-file: only one of them may be given");
  if (prompt == given.end() && !needed) return;
  check(prompt != given.end(), ErrorKind::usage, "--prompt is missing: -p TEXT, -p - to read it from standard input, or --prompt-file FILE");
  if (prompt->second.text == "-") prompt->second.text = without_last_break(read_standard_input());
}

static Replay read_picture(const std::string& path) {
  const auto file = MappedFile::open(path, ErrorKind::usage);
  return read_replay(read_parameters({reinterpret_cast<const uint8_t*>(file->bytes().data()), file->bytes().size()}), quoted(path));
}

PictureCall read_picture_call(const Arguments& arguments, const Environment& environment) {
  const std::vector<FieldInfo> fields = picture_fields();
  GivenValues given = arguments.given;
  add_environment(given, fields, environment);
  if (const auto config = given.find("config"); config != given.end()) add_config_file(given, fields, config->second.text);
  const auto from = given.find("from");
  read_prompt(given, from == given.end());
  PictureCall call;
  if (from != given.end()) call.replay = read_picture(from->second.text);
  if (call.replay) given.insert(call.replay->given.begin(), call.replay->given.end());
  apply(call.request, request_fields(), given);
  apply(call.options, run_fields(), given);
  validate(call.request);
  if (call.options.cpu) call.options.device = "cpu";
  const long long pictures = static_cast<long long>(call.options.count) * call.request.batch;
  check(call.request.seed <= std::numeric_limits<int64_t>::max() - pictures, ErrorKind::usage, "--seed ", call.request.seed, ": too large for ",
        pictures, " pictures, whose last seed would not fit 64 bits");
  if (call.options.output == "-") {
    check(pictures == 1, ErrorKind::usage, "--output -: standard output takes one picture, not ", pictures);
    check(!call.options.json, ErrorKind::usage, "--output - and --json: both write to standard output");
    check(call.request.preview_every == 0, ErrorKind::usage, "--preview: needs an --output file to stand beside");
  }
  return call;
}

}  // namespace imagent
