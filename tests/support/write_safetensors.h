// Writing small safetensors files in tests.
#pragma once
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "weights/source.h"

namespace imagent::test {

inline void write_safetensors(const std::filesystem::path& path, const std::map<std::string, TensorView>& tensors,
                              const std::map<std::string, std::string>& metadata = {}) {
  static const std::map<DType, const char*> names = {{DType::f32, "F32"}, {DType::f16, "F16"}, {DType::bf16, "BF16"}, {DType::i64, "I64"}};
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  size_t at = 0;
  for (const auto& [name, view] : tensors) {
    header[name] = {{"dtype", names.at(view.dtype)}, {"shape", std::vector<int64_t>(view.shape.begin(), view.shape.end())}, {"data_offsets", {at, at + view.bytes.size()}}};
    at += view.bytes.size();
  }
  std::ofstream out(path, std::ios::binary);
  const std::string text = header.dump();
  const uint64_t length = text.size();
  out.write(reinterpret_cast<const char*>(&length), sizeof length);
  out << text;
  for (const auto& [name, view] : tensors) out.write(reinterpret_cast<const char*>(view.bytes.data()), static_cast<std::streamsize>(view.bytes.size()));
}

}  // namespace imagent::test
