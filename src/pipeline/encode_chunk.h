// One chunk of a prompt through one text encoder, unless that was done before. A1111 sd_hijack_clip.py: encode_with_transformers.
#pragma once
#include <memory>

#include "pipeline/loaded_model.h"
#include "text/chunks.h"

namespace imagent {

// `encoder`: index among the model's text encoders; `clip_skip` as in Request. Errors: usage (clip skip beyond the layers).
std::shared_ptr<const EncodedChunk> encode_chunk(LoadedModel& model, size_t encoder, const Chunk& chunk, int clip_skip);

}  // namespace imagent
