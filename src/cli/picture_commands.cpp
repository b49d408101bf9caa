// The commands that draw: a request from flags, pictures from and into files, results on standard output.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/memory.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/downloads.h"
#include "cli/interrupt.h"
#include "cli/outputs.h"
#include "image/codec.h"
#include "image/compose.h"
#include "pipeline/defaults.h"

namespace imagent {

static nlohmann::ordered_json timings_json(const Timings& t) {
  return {{"load_s", t.load_s}, {"text_s", t.text_s}, {"denoise_s", t.denoise_s}, {"step_s", t.step_s}, {"decode_s", t.decode_s}, {"total_s", t.total_s}};
}

static std::string result_json(const Run& run, const Result& result, const std::string& path) {
  return json_text(nlohmann::ordered_json{{"path", path}, {"seed", result.seed}, {"width", result.image.width}, {"height", result.image.height},
                                          {"steps", run.request.steps}, {"sampler", run.sampler}, {"scheduler", run.scheduler.empty() ? "normal" : run.scheduler},
                                          {"guidance", run.request.guidance_scale.value_or(1)}, {"model", run.model_name},
                                          {"timings", timings_json(run.timings)},
                                          {"peak_rss_mb", static_cast<double>(peak_resident_bytes() >> 10) / 1024}});
}

static void report_details(const Run& run, int verbose) {
  const Request& r = run.request;
  const Timings& t = run.timings;
  write_error(str("model ", run.model_name, ", ", r.width, "x", r.height, ", ", r.steps, " steps, sampler ", run.sampler,
                  run.scheduler.empty() ? "" : ", scheduler ", run.scheduler, ", guidance ", r.guidance_scale.value_or(1), "\n"));
  write_error(str("load ", t.load_s, " s, text ", t.text_s, " s, denoise ", t.denoise_s, " s, decode ", t.decode_s, " s, total ", t.total_s,
                  " s, peak memory ", peak_resident_bytes() >> 20, " MB\n"));
  if (run.vae_tile > 0) write_error(str("autoencoder in tiles of ", 8 * run.vae_tile, " pixels\n"));
  if (verbose < 2) return;
  for (size_t i = 0; i < t.step_s.size(); ++i) write_error(str("step ", i + 1, ": ", t.step_s[i], " s\n"));
}

static Run generate_once(Engine& engine, const Request& request, const RunOptions& options, const Outputs& outputs) {
  ProgressReporter reporter(progress_on_terminal(options.progress, options.quiet));
  Events events = download_events(reporter);
  events.phase = [&](const std::string& phase) {
    check_interrupt();
    reporter.phase(phase);
  };
  events.progress = [&](const Progress& progress) {
    reporter.step({progress.step, progress.steps, progress.seconds_per_step});
    if (progress.preview) outputs.write_preview(*progress.preview);
  };
  if (!options.quiet && options.verbose > 0) events.detail = events.note;
  return engine.generate(request, events);
}

static void write_results(const Run& run, const RunOptions& options, Outputs& outputs) {
  for (const Result& result : run.results) {
    check_interrupt();
    const std::string path = outputs.write_picture(result);
    const std::string line = str(path, " seed ", result.seed, "\n");
    if (options.json)
      write_result(result_json(run, result, path));
    else if (path != "-")
      write_result(line);
    else if (!options.quiet)
      write_error(line);
  }
  outputs.keep_latents(run);
}

static std::shared_ptr<const Image> read_input(const std::string& path, const char* flag) {
  if (path.empty()) return nullptr;
  std::error_code error;
  check(std::filesystem::is_regular_file(path, error), ErrorKind::usage, flag, " ", quoted(path), ": there is no such file");
  return std::make_shared<Image>(read_image(path));
}

// As a mask: what is not there is drawn.
static std::shared_ptr<const Image> transparent_parts(const Image& picture) {
  Image mask = invert(alpha_of(picture));
  return bounding_box(mask) ? std::make_shared<Image>(std::move(mask)) : nullptr;
}

// What a command is about: it asks for the inputs without which another one was meant.
enum class Workflow { txt2img, img2img, inpaint, outpaint, pix2pix };

static void read_inputs(Workflow workflow, Request& request, const RunOptions& options, bool replayed) {
  request.init_image = read_input(options.init_image, "--init-image");
  request.mask = read_input(options.mask, "--mask");
  const bool picture = request.init_image != nullptr;
  check(workflow != Workflow::txt2img || (!picture && !request.mask), ErrorKind::usage, "txt2img takes no picture: img2img and inpaint do");
  check(workflow != Workflow::txt2img || !replayed || !request.strength, ErrorKind::usage,
        "--from: that picture was drawn from another one: use the command it was drawn with, and -i with the same picture");
  check(workflow == Workflow::txt2img || picture, ErrorKind::usage, "--init-image is missing: the picture to start from");
  if (workflow == Workflow::inpaint && picture && !request.mask) request.mask = transparent_parts(*request.init_image);
  check(workflow != Workflow::inpaint || request.mask, ErrorKind::usage, "--mask is missing: a picture that is white where something is to be drawn");
  check(workflow != Workflow::outpaint || request.outpaint.any(), ErrorKind::usage, "--outpaint is missing: how many pixels to add, as N or LEFT,TOP,RIGHT,BOTTOM");
  if (workflow == Workflow::pix2pix && !request.image_guidance) request.image_guidance = default_image_guidance;
}

// What may keep a picture that is drawn again from having the same bytes.
static void report_differences(const Replay& replay, const Run& run) {
  for (const std::string& difference : differences(replay, run)) write_error(str("imagent: --from: ", difference, "\n"));
}

static int draw_pictures(Workflow workflow, const Arguments& arguments) {
  auto [request, options, replay] = read_picture_call(arguments, [](const char* name) { return std::getenv(name); });
  read_inputs(workflow, request, options, replay.has_value());
  Outputs outputs(options, options.count * request.batch);
  Engine engine({.device = options.device, .threads = options.threads, .low_vram = options.low_vram, .lora_dir = options.lora_dir, .embeddings_dir = options.embeddings_dir,
                 .upscalers_dir = options.upscalers_dir, .models_folder = options.models_dir, .offline = options.offline});
  const bool varies = request.variation_strength > 0;
  for (int i = 0; i < options.count; ++i) {
    const Run run = generate_once(engine, request, options, outputs);
    write_results(run, options, outputs);
    if (replay && i == 0 && !options.quiet) report_differences(*replay, run);
    if (options.verbose > 0 && !options.quiet) report_details(run, options.verbose);
    request.seed = run.request.seed + (varies ? 0 : request.batch);
    request.variation_seed = run.request.variation_seed + request.batch;
  }
  outputs.write_latents();
  return 0;
}

constexpr const char* settings_note =
    "Every flag is also an environment variable (IMAGENT_STEPS=30) and a name in --config FILE ({\"steps\": 30});\n"
    "a flag comes before the environment, that before the file.\n\n"
    "Examples:\n";

template <Workflow workflow>
static Command picture_command(const char* name, const char* summary, const std::string& examples) {
  CommandInfo info = {.name = name,
                      .summary = summary,
                      .positional = "",
                      .positional_hint = "the prompt is given with -p",
                      .max_positional = 0,
                      .epilogue = settings_note + examples};
  return {std::move(info), workflow == Workflow::txt2img ? "generate" : "", picture_fields(),
          [](const Arguments& arguments) { return draw_pictures(workflow, arguments); }};
}

std::vector<Command> picture_commands() {
  return {
      picture_command<Workflow::txt2img>(
          "txt2img", "Text to image",
          "  imagent txt2img -p \"a red house by the sea at sunset\" -o house.png\n"
          "  imagent txt2img -m models/sd15 -p \"a fox\" -n \"blurry\" -W 512 -H 768 -s 42 --sampler dpmpp_2m --scheduler karras\n"
          "  imagent txt2img -p - --batch 4 -o fox_%d.png --json < prompt.txt\n"),
      picture_command<Workflow::img2img>("img2img", "A picture drawn over",
                                         "  imagent img2img -i house.png -p \"a blue house\" --strength 0.6 -o blue.png\n"),
      picture_command<Workflow::inpaint>("inpaint", "A part of a picture drawn anew",
                                         "  imagent inpaint -i house.png --mask roof.png -p \"a green roof\" -o green.png\n"
                                         "  imagent inpaint -i photo.jpg --mask face.png --only-masked -p \"a smile\" -o smile.png\n"),
      picture_command<Workflow::outpaint>("outpaint", "A picture continued beyond its edges",
                                          "  imagent outpaint -i house.png --outpaint 64,0,64,0 -p \"a house by the sea\" -o wide.png\n"),
      picture_command<Workflow::pix2pix>("pix2pix", "A picture changed by an instruction (InstructPix2Pix models)",
                                         "  imagent pix2pix -m models/instruct-pix2pix -i house.png -p \"make it winter\" -o winter.png\n"),
  };
}

}  // namespace imagent
