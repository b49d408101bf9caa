// The command `models pull`: a model of the hub into the cache.
#include <nlohmann/json.hpp>

#include "backends.h"
#include "base/error.h"
#include "cli/console.h"
#include "cli/interrupt.h"
#include "cli/models.h"

namespace imagent {

static ResolvedModel resolve(const ModelsCall& call) {
  const Registry registry = Registry::for_user();
  if (auto model = registry.resolve(call.name)) return *model;
  const std::string near = nearest_name(call.name, registry.names());
  fail(ErrorKind::usage, quoted(call.name), " is no name of a model in the hub", near.empty() ? "" : " (did you mean " + near + "?)",
       ": it should be ORG/NAME, ORG/NAME@REVISION, ORG/NAME/FILE or an alias: ", join(registry.names(), ", "));
}

static bool computes_in_16_bits(const ModelsOptions& options) {
  if (options.dtype) return size_of(*options.dtype) == 2;
  return make_backend("auto", {})->supports(DType::bf16);
}

static int run_pull(const Arguments& arguments) {
  const ModelsCall call = read_models_call_with_name(arguments, "models pull");
  const ResolvedModel model = resolve(call);
  ProgressReporter reporter(progress_on_terminal(call.options.progress, call.options.quiet));
  if (!model.moved_from.empty()) reporter.remark(model.moved_from + " is now " + model.repository);
  const std::filesystem::path path = pull_model(call.hub, model.repository, {.prefer_half = computes_in_16_bits(call.options),
                                                                              .progress = [&](const PullProgress& progress) { reporter.download(progress); },
                                                                              .note = [&](const std::string& text) { reporter.remark(text); },
                                                                              .cancel = &interrupted()});
  reporter.finish();
  write_result(call.options.json ? json_text(nlohmann::ordered_json{{"name", model.repository}, {"path", path.string()}}) : path.string() + "\n");
  return 0;
}

Command models_pull_command() {
  CommandInfo info = {.name = "models pull",
                      .summary = "Download a model, or bring it up to date",
                      .positional = "NAME",
                      .positional_hint = "one model at a time",
                      .max_positional = 1,
                      .epilogue = "NAME is an alias (sd15, sdxl, sd-turbo, lcm ...) or ORG/NAME[/FILE][@REVISION] of the model hub. A download that was\n"
                                  "stopped goes on where it was. A token is taken from HF_TOKEN or the token file, never from a flag.\n\n"
                                  "Examples:\n  imagent models pull sd15\n  imagent models pull stabilityai/sd-turbo@main\n"};
  return {std::move(info), "", models_fields({"dtype", "progress", "json", "quiet", "offline"}), run_pull};
}

}  // namespace imagent
