// Reading the index and checking the files against it.
#include "weights/shards.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/mapped_file.h"
#include "weights/byte_reader.h"
#include "weights/open.h"
#include "weights/renamed.h"

namespace imagent {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t largest_index = 2'500'000;  // bytes; SDXL's has 300,000

// {"metadata": {...}, "weight_map": {tensor: file}}
json read_index(const fs::path& path) {
  const auto file = MappedFile::open(path, ErrorKind::model);
  const auto bytes = file->bytes();
  check(bytes.size() <= largest_index, ErrorKind::model, path.string(), " has ", bytes.size(), " bytes, an index of weights has at most ", largest_index);
  const json::parser_callback_t shallow = [&](int depth, json::parse_event_t, json&) {
    check(depth <= 4, ErrorKind::model, path.string(), " is no index of weights: it is nested too deeply");
    return true;
  };
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  json index = json::parse(text, text + bytes.size(), shallow, /*allow_exceptions=*/false);
  const bool mapped = index.is_object() && index.contains("weight_map") && index["weight_map"].is_object();
  check(mapped, ErrorKind::model, path.string(), " is no index of weights: it has no weight_map");
  return index["weight_map"];
}

// File -> its tensors.
std::map<std::string, std::vector<std::string>> read_places(const fs::path& index) {
  const json weight_map = read_index(index);
  std::map<std::string, std::vector<std::string>> places;
  for (const auto& [tensor, file] : weight_map.items()) {
    check(file.is_string(), ErrorKind::model, index.string(), " is damaged: the file of ", printable(tensor), " should be a text");
    const auto name = file.get<std::string>();
    const bool beside = !name.empty() && name != "." && name != ".." && name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
    check(beside, ErrorKind::model, index.string(), " names the file ", printable(name), ", which would lie outside its folder");
    auto& tensors = places[name];
    if (tensors.empty()) {
      std::error_code error;
      check(fs::exists(index.parent_path() / name, error), ErrorKind::model, index.string(), " names the file ", printable(name), ", which is missing beside it");
    }
    tensors.push_back(tensor);
  }
  return places;
}

std::shared_ptr<const Source> open_shard(const fs::path& path, const fs::path& index) {
  const WeightFormat* format = weight_format_of(path);
  check(!format || format->open != open_shards, ErrorKind::model, index.string(), " names ", path.string(), ", which is an index too: a file of weights is wanted");
  return open_weights(path);
}

}  // namespace

std::shared_ptr<const Source> open_shards(const fs::path& index) {
  std::vector<std::shared_ptr<const Source>> shards;
  for (const auto& [name, tensors] : read_places(index)) {
    shards.push_back(open_shard(index.parent_path() / name, index));
    const std::vector<std::string> held = shards.back()->names();
    for (const std::string& tensor : tensors)
      check(std::binary_search(held.begin(), held.end(), tensor), ErrorKind::model, index.string(), " says that ", printable(name), " holds tensor ", printable(tensor),
            ", which it does not");
  }
  return merged(std::move(shards), index.string());
}

std::vector<fs::path> shard_files(const fs::path& index) {
  std::vector<fs::path> files;
  for (const auto& [name, tensors] : read_places(index)) files.push_back(index.parent_path() / name);
  return files;
}

}  // namespace imagent
