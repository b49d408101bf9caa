// Reading reference data in tests.
#include "support/golden.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>

#include "support/scratch.h"
#include "weights/safetensors.h"

namespace imagent::test {
namespace {

// What the programs under test keep for the user (hashes of files, the hub's cache) goes into a folder of the test run, however
// it was started.
struct OwnCache {
  Scratch folder;
  OwnCache() { setenv("XDG_CACHE_HOME", folder.path().c_str(), 1); }
};
const OwnCache own_cache;

}  // namespace

std::filesystem::path source_dir() {
  const char* moved = std::getenv("IMAGENT_SOURCE");  // for programs that run on another machine than that of their build
  return moved ? moved : IMAGENT_SOURCE_DIR;
}
std::filesystem::path golden(const std::string& path) { return source_dir() / "tests/golden" / path; }

std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  check(in.good(), ErrorKind::io, "test data is missing: ", path.string());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Python writes infinities as words, which JSON does not have.
static std::string without_infinities(std::string text) {
  for (size_t at = 0; (at = text.find("Infinity", at)) != std::string::npos;) text.replace(at, 8, "1e308");
  return text;
}

nlohmann::json read_json(const std::filesystem::path& path) { return nlohmann::json::parse(without_infinities(read_text(path))); }

std::vector<nlohmann::json> read_jsonl(const std::filesystem::path& path) {
  std::vector<nlohmann::json> lines;
  std::istringstream in(read_text(path));
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

std::vector<nlohmann::json> component_cases(const std::string& folder) {
  std::vector<nlohmann::json> found;
  const nlohmann::json document = read_json(golden("components/cases.json"));
  for (const auto& c : document["cases"])
    if (c["file"].get<std::string>().starts_with(folder + "/")) found.push_back(c);
  return found;
}

Arrays::Arrays(const std::filesystem::path& safetensors) : source_(open_safetensors(safetensors)) {}

bool Arrays::has(const std::string& name) const { return source_->find(name).has_value(); }

Array Arrays::operator[](const std::string& name) const {
  const auto view = source_->find(name);
  check(view.has_value(), ErrorKind::model, source_->origin(), " has no tensor ", name);
  return {view->shape, to_f32(*view)};
}

std::vector<double> Arrays::f64(const std::string& name) const {
  const auto view = source_->find(name);
  check(view.has_value(), ErrorKind::model, source_->origin(), " has no tensor ", name);
  std::vector<double> out(static_cast<size_t>(view->shape.numel()));
  if (view->dtype == DType::f64) {
    std::memcpy(out.data(), view->bytes.data(), view->bytes.size());
  } else if (view->dtype == DType::i64) {
    for (size_t i = 0; i < out.size(); ++i) {
      int64_t value;
      std::memcpy(&value, view->bytes.data() + i * 8, 8);
      out[i] = static_cast<double>(value);
    }
  } else {
    const auto values = to_f32(*view);
    out.assign(values.begin(), values.end());
  }
  return out;
}

std::vector<std::string> Arrays::names() const { return source_->names(); }

double max_abs_difference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    if (std::isnan(difference)) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, difference);
  }
  return largest;
}

double psnr(std::span<const float> a, std::span<const float> b, double peak) {
  if (a.size() != b.size() || a.empty()) return -std::numeric_limits<double>::infinity();
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
  return 10 * std::log10(peak * peak * static_cast<double>(a.size()) / sum);
}

}  // namespace imagent::test
