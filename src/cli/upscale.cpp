// The command `upscale`: pictures in, larger pictures out.
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "backends.h"
#include "base/mapped_file.h"
#include "base/memory.h"
#include "base/version.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/downloads.h"
#include "cli/interrupt.h"
#include "cli/outputs.h"
#include "image/codec.h"
#include "image/infotext.h"
#include "pipeline/field_rules.h"
#include "pipeline/model_lookup.h"
#include "pipeline/upscale.h"

namespace imagent {
namespace {

using Clock = std::chrono::steady_clock;

struct UpscaleOptions {
  std::string model, upscaler;
  std::optional<float> scale;
  int tile = -1;                       // -1: as memory allows
  std::optional<DType> dtype;
};

const std::vector<Field<UpscaleOptions>>& upscale_fields() {
  static const std::vector<Field<UpscaleOptions>> fields = {
      {{.name = "upscale_model", .flags = {"-m", "--model"}, .json = {}, .group = "Upscaling", .value = "FILE",
        .help = "Weights of an ESRGAN or Real-ESRGAN network", .default_text = "none"},
       rule::path(&UpscaleOptions::model)},
      {{.name = "upscaler", .flags = {"--upscaler"}, .json = {}, .group = "Upscaling", .value = "NAME",
        .help = "nearest, area, bilinear, bicubic, lanczos, or the name of a file in --upscalers-dir", .default_text = "lanczos"},
       rule::path(&UpscaleOptions::upscaler)},
      {{.name = "upscale_by", .flags = {"--scale"}, .json = {"upscaling_resize"}, .group = "Upscaling", .value = "X",
        .help = "How many times as wide and high", .default_text = "the network's own, else 2"},
       rule::real(&UpscaleOptions::scale, {0.05, 16})},
      {{.name = "upscale_tile", .flags = {"--tile"}, .json = {}, .group = "Upscaling", .value = "PIXELS",
        .help = "Side of the overlapping squares of the input that a network computes one by one; 0: the whole picture at once", .default_text = "as memory allows"},
       rule::whole(&UpscaleOptions::tile, {.low = 0, .high = 16384, .unset = -1})},
      {{.name = "dtype", .flags = {"--dtype"}, .json = {}, .group = "Machine", .value = "NAME", .help = "Arithmetic of the network", .default_text = "f32"},
       rule::choice(&UpscaleOptions::dtype, {{"f32", DType::f32}, {"bf16", DType::bf16}, {"f16", DType::f16}})},
  };
  return fields;
}

// Those of a picture command that make sense here.
std::vector<Field<RunOptions>> shared_fields() {
  std::vector<Field<RunOptions>> fields;
  for (const Field<RunOptions>& field : run_fields())
    for (const char* name : {"output", "upscalers_dir", "offline", "no_metadata", "device", "cpu", "low_vram", "threads", "json", "progress", "quiet", "verbose"})
      if (field.info.name == name) fields.push_back(field);
  return fields;
}

std::vector<FieldInfo> all_fields() {
  std::vector<FieldInfo> all = infos(upscale_fields());
  const std::vector<FieldInfo> shared = infos(shared_fields());
  all.insert(all.end(), shared.begin(), shared.end());
  return all;
}

struct Call {
  UpscaleOptions options;
  RunOptions run;
  std::vector<std::string> pictures;
};

Call read_call(const Arguments& arguments) {
  Call call;
  GivenValues given = arguments.given;
  add_environment(given, all_fields(), [](const char* name) { return std::getenv(name); });
  apply(call.options, upscale_fields(), given);
  apply(call.run, shared_fields(), given);
  if (call.run.cpu) call.run.device = "cpu";
  call.pictures = arguments.positional;
  check(!call.pictures.empty(), ErrorKind::usage, "upscale needs a picture: imagent upscale house.png --model RealESRGAN_x4plus.pth -o large.png");
  check(call.options.model.empty() || call.options.upscaler.empty(), ErrorKind::usage, "--model and --upscaler: only one of them may be given");
  if (call.run.output == "-") {
    check(call.pictures.size() == 1, ErrorKind::usage, "--output -: standard output takes one picture, not ", call.pictures.size());
    check(!call.run.json, ErrorKind::usage, "--output - and --json: both write to standard output");
  }
  return call;
}

// The picture's own parameters go on, as the web UI writes them behind (modules/postprocessing.py).
std::string parameters_of(const std::string& before, const Upscaler& upscaler, double scale) {
  Infotext added;
  added.set("Postprocess upscale by", str(scale));
  added.set("Postprocess upscaler", upscaler.name());
  std::string text = write_infotext(added);
  text.erase(0, text.find("Postprocess"));
  if (before.empty()) return str(text, ", Version: imagent ", version);
  return before + (read_infotext(before).parameters.empty() ? "\n" : ", ") + text;
}

Result enlarge(const Call& call, const Upscaler& upscaler, const std::string& path, double scale) {
  std::error_code error;
  check(std::filesystem::is_regular_file(path, error), ErrorKind::usage, "there is no picture ", quoted(path));
  const auto mapped = MappedFile::open(path, ErrorKind::image);
  const Bytes file(reinterpret_cast<const uint8_t*>(mapped->bytes().data()), mapped->bytes().size());
  const Image image = decode_image(file, {}, path);
  ProgressReporter reporter(progress_on_terminal(call.run.progress, call.run.quiet));
  reporter.phase("upscale");
  const auto start = Clock::now();
  Result result;
  result.image = upscaler(image, scaled_size({image.width, image.height}, scale), [&](int done, int total) {
    reporter.step({done, total, std::chrono::duration<double>(Clock::now() - start).count() / done});
  });
  result.infotext = parameters_of(read_parameters(file), upscaler, scale);
  return result;
}

void report(const Call& call, const Upscaler& upscaler, const Result& result, const std::string& path, double scale, double seconds) {
  const double peak = static_cast<double>(peak_resident_bytes() >> 10) / 1024;
  const std::string line = str(path, " ", result.image.width, "x", result.image.height, "\n");
  if (call.run.json)
    write_result(json_text(nlohmann::ordered_json{{"path", path}, {"width", result.image.width}, {"height", result.image.height}, {"upscaler", upscaler.name()},
                                                  {"scale", scale}, {"total_s", seconds}, {"peak_rss_mb", peak}}));
  else if (path != "-")
    write_result(line);
  else if (!call.run.quiet)
    write_error(line);
  if (call.run.verbose > 0 && !call.run.quiet) write_error(str("upscaler ", upscaler.name(), ", scale ", scale, ", ", seconds, " s, peak memory ", static_cast<int>(peak), " MB\n"));
}

int run_upscale(const Arguments& arguments) {
  const Call call = read_call(arguments);
  Outputs outputs(call.run, static_cast<int>(call.pictures.size()));
  const auto backend = make_backend(call.run.device, {.threads = call.run.threads, .low_vram = call.run.low_vram});
  const DType compute = call.options.dtype.value_or(DType::f32);
  check(backend->supports(compute), ErrorKind::unsupported, "the device ", backend->name(), " cannot compute in ", name_of(compute), " on this machine: f32 is always possible");
  backend->cancel = &interrupted();
  UpscalerOptions options{.backend = backend.get(), .compute = compute, .folder = call.run.upscalers_dir};
  if (!call.run.quiet) options.note = [](const std::string& text) { write_error(text + "\n"); };
  if (call.options.tile >= 0) options.tile = call.options.tile;
  std::string name = !call.options.model.empty() ? call.options.model : !call.options.upscaler.empty() ? call.options.upscaler : "lanczos";
  if (std::error_code error; name.find('/') != name.npos && !std::filesystem::exists(name, error) && may_be_of_hub(name)) {
    ProgressReporter reporter(progress_on_terminal(call.run.progress, call.run.quiet));
    name = find_model({.builtin_model = {}, .offline = call.run.offline}, name, download_events(reporter), size_of(compute) == 2).path.string();
  }
  const auto upscaler = make_upscaler(name, options);
  const double scale = call.options.scale ? static_cast<double>(*call.options.scale) : upscaler->scale() > 0 ? upscaler->scale() : 2;
  for (const std::string& path : call.pictures) {
    const auto start = Clock::now();
    const Result result = enlarge(call, *upscaler, path, scale);
    check_interrupt();
    const std::string written = outputs.write_picture(result);
    report(call, *upscaler, result, written, scale, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return 0;
}

}  // namespace

Command upscale_command() {
  CommandInfo info = {.name = "upscale",
                      .summary = "Larger pictures from pictures",
                      .positional = "PICTURE...",
                      .positional_hint = "",
                      .max_positional = 100000,
                      .epilogue = "Examples:\n"
                                  "  imagent upscale house.png --model RealESRGAN_x4plus.pth -o large.png\n"
                                  "  imagent upscale *.jpg --upscaler lanczos --scale 1.5 -o larger/\n"};
  return {std::move(info), "", all_fields(), run_upscale};
}

}  // namespace imagent
