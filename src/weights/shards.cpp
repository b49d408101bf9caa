// Reading the index and checking the files against it.
#include "weights/shards.h"

#include <nlohmann/json.hpp>

#include "base/mapped_file.h"
#include "weights/byte_reader.h"
#include "weights/renamed.h"
#include "weights/safetensors.h"

namespace imagent {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t largest_index = 4'000'000;  // bytes; SDXL's has 300,000

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

}  // namespace

std::shared_ptr<const Source> open_shards(const fs::path& index) {
  const json weight_map = read_index(index);
  std::map<std::string, std::shared_ptr<const Source>> files;
  for (const auto& [tensor, file] : weight_map.items()) {
    check(file.is_string(), ErrorKind::model, index.string(), " is damaged: the file of ", printable(tensor), " should be a text");
    const auto name = file.get<std::string>();
    const bool beside = !name.empty() && name != "." && name != ".." && name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
    check(beside, ErrorKind::model, index.string(), " names the file ", printable(name), ", which would lie outside its folder");
    auto& source = files[name];
    if (!source) {
      std::error_code error;
      check(fs::exists(index.parent_path() / name, error), ErrorKind::model, index.string(), " names the file ", printable(name), ", which is missing beside it");
      source = open_safetensors(index.parent_path() / name);
    }
    check(source->find(tensor).has_value(), ErrorKind::model, index.string(), " says that ", printable(name), " holds tensor ", printable(tensor), ", which it does not");
  }
  std::vector<std::shared_ptr<const Source>> shards;
  for (auto& [name, source] : files) shards.push_back(std::move(source));
  return merged(std::move(shards), index.string());
}

}  // namespace imagent
