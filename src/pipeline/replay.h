// A picture's parameters text read back into the fields of a request, so that the picture can be drawn again.
#pragma once
#include <string>
#include <vector>

#include "image/infotext.h"
#include "pipeline/engine.h"
#include "pipeline/field.h"

namespace imagent {

// What a parameters text says of a request: values by field name, as if given by flags, each with its place in the text.
struct Replay {
  GivenValues given;
  std::string model_hash;              // of the model that drew it; "": not told
  std::string vae, vae_hash;           // the name and hash of another VAE than the model's
  std::string init_image_hash, mask_hash;  // of the pictures it was drawn from
  bool control = false;                // whether there were ControlNets or T2I-Adapters
  bool ip_adapter = false;             // whether pictures were prompts
  std::string version, device;         // of the imagent that drew it, and what it computed on; "": another program

  bool own() const { return !version.empty(); }
};

// `origin` names the picture in messages. A text of the web UI is drawn again by its rules (compat a1111, random numbers of
// the GPU unless it says CPU). Errors: usage, when the text has no parameters.
Replay read_replay(const std::string& parameters, const std::string& origin);

// Why the run may not have given the same bytes: one sentence each.
std::vector<std::string> differences(const Replay& replay, const Run& run);

// The fields that the web UI's keys cannot carry, as a JSON object: the value of "imagent" in the parameters text.
std::string own_fields(Request request, const std::string& device);

}  // namespace imagent
