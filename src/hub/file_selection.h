// Which files of a repository a pipeline needs (diffusers' layout), from the hub's list alone.
#pragma once
#include <string>
#include <vector>

#include "hub/client.h"

namespace imagent {

// Whole pipelines (model_index.json), single modules (config.json + diffusion_pytorch_model), LoRA repositories and
// repositories of one single file. `prefer_half`: 16-bit weights where they are there, else 32 bit; and the other way round.
// Errors: model, saying what the repository lacks, or which file of several should be named.
std::vector<RemoteFile> select_files(const Listing& listing, const RepositoryId& repository, bool prefer_half);

}  // namespace imagent
