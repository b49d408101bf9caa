// What a run was made of besides its text: hashes of the files and pictures, for the picture's parameters.
#pragma once
#include "pipeline/run_context.h"

namespace imagent {

// Notes model_hash, vae_hash and the hashes of the given pictures in c.run. Errors: io, cancelled.
void note_hashes(RunContext& c);

// MD5 of the pixels: what the web UI calls "Init image hash".
std::string picture_hash(const Image& picture);

}  // namespace imagent
