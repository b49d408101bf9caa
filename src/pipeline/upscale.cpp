// Upscalers by name, and enlarging by resampling.
#include "pipeline/upscale.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "image/resize.h"
#include "pipeline/network_upscaler.h"

namespace imagent {
namespace {

namespace fs = std::filesystem;

struct Resampling {
  const char *name, *display;  // display: A1111's
  Resample filter;
};
constexpr Resampling resamplings[] = {{"nearest", "Nearest", Resample::nearest}, {"area", "Area", Resample::box}, {"bilinear", "Bilinear", Resample::bilinear},
                                      {"bicubic", "Bicubic", Resample::bicubic}, {"lanczos", "Lanczos", Resample::lanczos}};
constexpr const char* extensions[] = {".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".gguf"};

class ResamplingUpscaler : public Upscaler {
 public:
  explicit ResamplingUpscaler(const Resampling& resampling) : resampling_(resampling) {}
  std::string name() const override { return resampling_.display; }
  Image operator()(const Image& image, Size target, const TileProgress& progress) const override {
    Image out = resize(image, target.width, target.height, resampling_.filter);
    if (progress) progress(1, 1);
    return out;
  }

 private:
  const Resampling& resampling_;
};

bool is_weight_file(const fs::path& path) {
  const std::string extension = lower_ascii(path.extension().string());
  return std::find(std::begin(extensions), std::end(extensions), extension) != std::end(extensions);
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (is_weight_file(it->path())) files.push_back(it->path());
  std::sort(files.begin(), files.end());
  return files;
}

fs::path find_file(const std::string& name, const fs::path& folder) {
  std::error_code error;
  if (fs::exists(name, error)) return name;
  for (const fs::path& file : files_in(folder))
    if (lower_ascii(file.filename().string()) == lower_ascii(name) || lower_ascii(file.stem().string()) == lower_ascii(name)) return file;
  const std::vector<std::string> names = upscaler_names(folder);
  const std::string nearest = nearest_name(name, names);
  fail(ErrorKind::usage, "there is no upscaler '", name, "': it should be a file or one of ", join(names, ", "),
       nearest.empty() ? "" : "; did you mean " + nearest + "?");
}

}  // namespace

std::vector<std::string> upscaler_names(const fs::path& folder) {
  std::vector<std::string> names;
  for (const Resampling& resampling : resamplings) names.emplace_back(resampling.name);
  for (const fs::path& file : files_in(folder)) names.push_back(file.stem().string());
  return names;
}

std::unique_ptr<const Upscaler> make_upscaler(const std::string& name, const UpscalerOptions& options) {
  for (const Resampling& resampling : resamplings)
    if (lower_ascii(name) == resampling.name) return std::make_unique<ResamplingUpscaler>(resampling);
  return std::make_unique<NetworkUpscaler>(find_file(name, options.folder), options);
}

Size scaled_size(Size size, double scale) {
  constexpr double most_side = 65535, most_pixels = 1 << 30;
  const double width = std::round(size.width * scale), height = std::round(size.height * scale);
  check(width >= 1 && height >= 1 && width <= most_side && height <= most_side && width * height <= most_pixels, ErrorKind::usage, "a picture of ", size.width, "x",
        size.height, " enlarged by ", scale, " would have ", width, "x", height, " pixels: sides from 1 to 65535 are possible, and 2^30 pixels");
  return {static_cast<int>(width), static_cast<int>(height)};
}

}  // namespace imagent
