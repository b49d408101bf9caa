// The two layouts of a PyTorch checkpoint, told apart by their first bytes: both give a pickle and storages by key.
#pragma once
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "weights/pickle.h"

namespace imagent {

struct TorchContent {
  Pickle pickle;                                              // its texts are views into the file
  std::map<std::string, std::span<const std::byte>, std::less<>> storages;
};

// `origin` is the file's name for messages. Errors: model.
TorchContent read_torch_content(std::span<const std::byte> file, const std::string& origin);

}  // namespace imagent
