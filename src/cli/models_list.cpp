// The command `models list`: what is on this machine.
#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "cli/models.h"
#include "cli/models_report.h"

namespace imagent {

static std::string padded(const std::string& text, size_t width) { return text + std::string(text.size() < width ? width - text.size() : 0, ' '); }

// Columns as wide as their widest entry; what is written behind the last is not cut.
static std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) {
      if (i == widths.size()) widths.push_back(0);
      widths[i] = std::max(widths[i], row[i].size());
    }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) line += padded(row[i], widths[i] + 2);
    while (line.ends_with(' ')) line.pop_back();
    text += line + "\n";
  }
  return text;
}

static std::string remark(const ModelReport& report) {
  if (report.model.unfinished_download) return "download unfinished";
  if (!report.model.missing.empty()) return str("incomplete: ", report.model.missing.size(), report.model.missing.size() == 1 ? " file" : " files", " missing");
  return report.summary.fault.empty() ? "" : "unreadable";
}

static int run_list(const Arguments& arguments) {
  const ModelsCall call = read_models_call(arguments);
  std::vector<LocalModel> models = list_local_models(call.places);
  models.insert(models.begin(), local_model_at(call.lookup.builtin_model));
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  std::vector<std::vector<std::string>> rows = {{"NAME", "KIND", "SIZE", "DTYPE", "WHERE"}};
  for (LocalModel& model : models) {
    const ModelReport report = report_of(call, std::move(model));
    all.push_back(as_json(report));
    rows.push_back({report.model.name, report.summary.kind, bytes_text(report.model.size_on_disk), report.summary.dtype, report.place, remark(report)});
  }
  write_result(call.options.json ? json_text(all) : without_controls(table(rows)));
  return 0;
}

Command models_list_command() {
  CommandInfo info = {.name = "models list", .summary = "Models on this machine: hub cache, models folder, built-in", .positional = "", .positional_hint = "", .max_positional = 0,
                      .epilogue = "Example:\n  imagent models list --models-dir ~/models --json\n"};
  return {std::move(info), "", models_fields({"models_dir", "json"}), run_list};
}

}  // namespace imagent
