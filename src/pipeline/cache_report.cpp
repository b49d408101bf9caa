// Differences of the caches' counters.
#include "pipeline/cache_report.h"

#include <set>

#include "base/str.h"

namespace imagent {

CacheReport::CacheReport(const RunModels& models) : models_{&models.base} {
  if (models.refiner && models.refiner != &models.base) models_.push_back(models.refiner);
  before_ = now();
}

CacheReport::Both CacheReport::now() const {
  Both sum;
  std::set<LoadedVae*> vaes;  // models may share one
  for (LoadedModel* model : models_) {
    sum.texts.asked += model->texts().asked();
    sum.texts.found += model->texts().found();
    vaes.insert(&model->vae());
  }
  for (LoadedVae* vae : vaes) {
    sum.pictures.asked += vae->pictures().asked();
    sum.pictures.found += vae->pictures().found();
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
