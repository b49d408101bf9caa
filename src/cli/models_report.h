// What `models list` and `models info` say of a model.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "cli/models.h"
#include "pipeline/model_summary.h"

namespace imagent {

struct ModelReport {
  LocalModel model;
  ModelSummary summary;
  std::string place;
};

ModelReport report_of(const ModelsCall& call, LocalModel model);

// {"name","kind","bytes","dtype","where","path","missing":[],...}; absent things are null.
nlohmann::ordered_json as_json(const ModelReport& report);

}  // namespace imagent
