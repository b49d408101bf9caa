// Differences of the caches' counters.
#include "pipeline/cache_report.h"

#include "base/str.h"

namespace imagent {

CacheReport::CacheReport(const RunModels& models) : models_{&models.base} {
  if (models.refiner && models.refiner != &models.base) models_.push_back(models.refiner);
  before_ = now();
}

CacheReport::Both CacheReport::now() const {
  Both sum;
  for (LoadedModel* model : models_) {
    const ModelCaches& caches = model->caches();
    sum.texts.asked += caches.texts.asked();
    sum.texts.found += caches.texts.found();
    sum.pictures.asked += caches.pictures.asked();
    sum.pictures.found += caches.pictures.found();
  }
  return sum;
}

void CacheReport::tell(const Events& events) const {
  const Both all = now();
  const auto line = [&](const char* what, const Counts& before, const Counts& after) {
    if (events.detail && after.asked > before.asked)
      events.detail(str(what, ": ", after.found - before.found, " of ", after.asked - before.asked, " from the cache"));
  };
  line("text embeddings", before_.texts, all.texts);
  line("encoded pictures", before_.pictures, all.pictures);
}

}  // namespace imagent
