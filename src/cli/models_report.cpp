// One model as JSON.
#include "cli/models_report.h"

namespace imagent {

using Json = nlohmann::ordered_json;

ModelReport report_of(const ModelsCall& call, LocalModel model) {
  ModelReport report{.model = std::move(model), .summary = {}, .place = {}};
  report.summary = summarise_model(report.model.path, report.model.kind);
  report.place = place_text(call, report.model);
  return report;
}

static Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json as_json(const ModelReport& report) {
  const LocalModel& model = report.model;
  Json json = {{"name", model.name}, {"kind", report.summary.kind}, {"bytes", model.size_on_disk}, {"dtype", text_or_null(report.summary.dtype)},
               {"prediction", text_or_null(report.summary.prediction)}, {"where", report.place}, {"path", model.path.string()},
               {"revision", text_or_null(model.revision)}, {"missing", model.missing}, {"unfinished_download", model.unfinished_download},
               {"fault", text_or_null(report.summary.fault)}};
  json["revisions"] = Json::array();
  for (const CachedRevision& revision : model.revisions) json["revisions"].push_back({{"commit", revision.commit}, {"refs", revision.refs}, {"bytes", revision.bytes}});
  return json;
}

}  // namespace imagent
