// PyTorch checkpoints (.ckpt .pt .pth .bin): a zip archive with data.pkl and one member a storage (torch >= 1.6), or the
// legacy layout of pickles followed by the storages. Format: torch/serialization.py, _save and _legacy_save.
#pragma once
#include <filesystem>
#include <memory>

#include "weights/source.h"

namespace imagent {

// Maps the file and reads its pickle; elements that lie in row order are viewed in place, others are gathered by find().
// A checkpoint that keeps its tensors under state_dict, params_ema or params is read from there; tensors in dicts below get
// names joined by dots. Errors: io (cannot open), model (damaged, or its pickle holds more than tensors, dicts and numbers).
std::shared_ptr<const Source> open_torch_checkpoint(const std::filesystem::path& path);

}  // namespace imagent
