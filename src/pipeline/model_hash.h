// The digits by which pictures and lists call a model's weights.
#pragma once
#include <filesystem>
#include <string>

#include "hub/digest.h"
#include "pipeline/model_source.h"

namespace imagent {

// SHA-256 of a file, remembered in imagent's own cache folder; a blob of the hub's cache is named by it. Errors: io, cancelled.
std::string hash_of_file(const std::filesystem::path& file, const Cancelled& cancelled = {});

// 10 digits, of a file or of the weight files of a folder together. Errors: io, cancelled.
std::string weights_hash(const std::filesystem::path& origin, const Cancelled& cancelled = {});

// SHA-256, whatever other VAE it has: of a single file, of a folder that of its parts' hashes together. `prefer_half` as in ModelSource::weights().
// Errors: io, cancelled.
std::string model_sha256(const ModelSource& model, bool prefer_half, const Cancelled& cancelled = {});

// Its first 10 digits: of a single file those of the AUTOMATIC1111 web UI.
std::string model_hash(const ModelSource& model, bool prefer_half, const Cancelled& cancelled = {});

}  // namespace imagent
