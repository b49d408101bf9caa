// What a run was made of besides its text: hashes of the files and pictures, for the picture's parameters.
#pragma once
#include "pipeline/run_context.h"

namespace imagent {

// Whether the files of the model and of another VAE are those that were read: another text once they were written anew.
std::string stamp_of_hashed(const RunContext& c);

// Notes model_hash, vae_hash and the hashes of the given pictures in c.run; those of files that were written anew since
// c.files_stamp was taken stay unknown. Errors: io, cancelled.
void note_hashes(RunContext& c);

// MD5 of the pixels: what the web UI calls "Init image hash".
std::string picture_hash(const Image& picture);

}  // namespace imagent
