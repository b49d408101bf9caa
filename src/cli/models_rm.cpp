// The command `models rm`: a model, or one revision of it, off the disk.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/console.h"
#include "cli/models.h"

namespace imagent {

static bool confirmed(const std::string& what) {
  write_error("remove " + what + "? [y/N] ");
  const std::string answer = lower_ascii(trim(read_standard_input_line()));
  return answer == "y" || answer == "yes";
}

static int run_rm(const Arguments& arguments) {
  const ModelsCall call = read_models_call_with_name(arguments, "models rm");
  const LocalModel model = named_model(call);
  check(model.place != ModelPlace::elsewhere, ErrorKind::usage, quoted(call.name), " lies at ", model.path.string(),
        ": models rm removes what is in the hub's cache or in the models folder");
  const bool one_revision = call.name.find('@') != call.name.npos && model.revisions.size() > 1;
  const std::string what = one_revision ? str("revision ", model.revision, " of ", model.name)
                                        : str(model.name, " (", bytes_text(model.size_on_disk),
                                              model.revisions.size() > 1 ? str(", ", model.revisions.size(), " revisions") : "", ") from the ", place_text(call, model));
  if (!call.options.yes && !confirmed(without_controls(what))) {
    write_error("nothing was removed\n");
    return 1;
  }
  const uint64_t bytes = one_revision ? remove_model_revision(call.places, model) : remove_model(call.places, model);
  const nlohmann::ordered_json report = {{"name", model.name}, {"revision", one_revision ? nlohmann::ordered_json(model.revision) : nlohmann::ordered_json(nullptr)}, {"freed_bytes", bytes}};
  write_result(call.options.json ? json_text(report) : without_controls(str("removed ", model.name, ", ", bytes_text(bytes), " are free again\n")));
  return 0;
}

Command models_rm_command() {
  CommandInfo info = {.name = "models rm",
                      .summary = "Remove a model, or one revision of it (NAME@REVISION)",
                      .positional = "NAME",
                      .positional_hint = "one model at a time",
                      .max_positional = 1,
                      .epilogue = "With a revision only those files go that no other revision of the model uses.\n\n"
                                  "Example:\n  imagent models rm sd15 --yes\n"};
  return {std::move(info), "", models_fields({"models_dir", "yes", "json"}), run_rm};
}

}  // namespace imagent
