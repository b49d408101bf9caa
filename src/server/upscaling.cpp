// Upscalers of the server.
#include "server/upscaling.h"

#include <algorithm>

#include "backends.h"
#include "base/error.h"

namespace imagent::server {

static bool is_resampling(const std::string& name) {
  const std::vector<std::string> names = upscaler_names({});
  return std::find(names.begin(), names.end(), lower_ascii(name)) != names.end();
}

std::vector<std::string> Upscaling::names() const {
  std::vector<std::string> names = {"Lanczos", "Nearest", "Bicubic", "Bilinear", "Area"};
  for (const CatalogEntry& entry : catalog_.list(CatalogKind::upscaler)) names.push_back(entry.name);
  return names;
}

bool Upscaling::is_network(const std::string& name) const {
  if (is_resampling(name)) return false;
  catalog_.find(CatalogKind::upscaler, name);
  return true;
}

const Upscaler& Upscaling::open(const std::string& name) {
  if (upscaler_ && opened_ == name) return *upscaler_;
  const std::string file = is_resampling(name) ? name : catalog_.find(CatalogKind::upscaler, name).path.string();
  if (!backend_) backend_ = make_backend(engine_.device, {.threads = engine_.threads, .low_vram = engine_.low_vram});
  upscaler_ = make_upscaler(file, {.backend = backend_.get()});
  opened_ = name;
  return *upscaler_;
}

Image Upscaling::operator()(const std::string& name, const Image& image, Size target, const Cancelled& cancelled) {
  const std::lock_guard lock(mutex_);
  Image large = open(name)(image, target, [&](int, int) { check(!cancelled(), ErrorKind::cancelled, "cancelled"); });
  if (backend_) backend_->release_cached();
  return large;
}

}  // namespace imagent::server
