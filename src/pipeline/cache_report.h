// How much of a run's encoding was done before: for users who ask for details.
#pragma once
#include "pipeline/run_adapters.h"

namespace imagent {

class CacheReport {
 public:
  explicit CacheReport(const RunModels& models);  // at the start of the run
  void tell(const Events& events) const;          // "text embeddings: 1 of 2 from the cache"

 private:
  struct Counts {
    size_t asked = 0, found = 0;
  };
  struct Both {
    Counts texts, pictures;
  };
  Both now() const;

  std::vector<LoadedModel*> models_;
  Both before_;
};

}  // namespace imagent
