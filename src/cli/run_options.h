// What the picture commands take beside the request: files, device, output on the terminal. And their whole parse.
#pragma once
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/progress.h"
#include "pipeline/replay.h"

namespace imagent {

struct RunOptions {
  std::string prompt_file, config, from;
  std::string init_image, mask;        // files
  std::string output = "out.png";      // %d, a folder, "-" for standard output
  std::string save_latents;
  std::string lora_dir, embeddings_dir, upscalers_dir;
  int count = 1;                       // runs, one after another
  std::string models_dir;              // models by their file names, "": none
  std::string device = "auto";
  int threads = 0;                     // 0: all
  ProgressMode progress = ProgressMode::automatic;
  int verbose = 0;
  bool no_metadata = false, json = false, quiet = false, cpu = false, low_vram = false, offline = false;
};

struct PictureCall {
  Request request;
  RunOptions options;
  std::optional<Replay> replay;         // --from: what the picture says of how it was drawn
};

const std::vector<Field<RunOptions>>& run_fields();
std::vector<FieldInfo> picture_fields();      // the request's and the run's: all flags of a picture command

// From flags, environment (IMAGENT_*) and configuration file and the picture of --from, in this order of precedence. Errors: usage.
PictureCall read_picture_call(const Arguments& arguments, const Environment& environment);

}  // namespace imagent
