// Reading reference data in tests: tests/golden (a copy that travels with the project) holds what PyTorch computed.
#pragma once
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "weights/source.h"

namespace imagent::test {

std::filesystem::path source_dir();                       // the root of the project
std::filesystem::path golden(const std::string& path);    // tests/golden/<path>
nlohmann::json read_json(const std::filesystem::path& path);
std::vector<nlohmann::json> read_jsonl(const std::filesystem::path& path);
std::vector<nlohmann::json> component_cases(const std::string& folder);  // those of golden/components in that folder
std::string read_text(const std::filesystem::path& path);

// A tensor of a golden file, widened to f32 (integers included), with its shape as stored (NCHW, [N,T,C]).
struct Array {
  Shape shape;
  std::vector<float> values;
};
class Arrays {
 public:
  explicit Arrays(const std::filesystem::path& safetensors);
  bool has(const std::string& name) const;
  Array operator[](const std::string& name) const;          // a missing name is an Error
  std::vector<double> f64(const std::string& name) const;   // for f64 and integer tensors
  std::vector<std::string> names() const;

 private:
  std::shared_ptr<const Source> source_;
};

// Largest absolute difference; infinity when the sizes differ or a value is NaN.
double max_abs_difference(std::span<const float> a, std::span<const float> b);
// Peak signal-to-noise ratio in dB for values whose range is `peak` wide.
double psnr(std::span<const float> a, std::span<const float> b, double peak);

}  // namespace imagent::test
