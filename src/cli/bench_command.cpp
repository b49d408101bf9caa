// Flags of the command `bench`; bench.cpp does the work.
#include "cli/bench.h"

#include "backends.h"
#include "cli/commands.h"
#include "pipeline/field_rules.h"

namespace imagent {

static Rule<BenchOptions> device_rule() {
  std::vector<std::pair<std::string, std::string>> names = {{"auto", "auto"}};
  for (const BackendEntry& entry : backend_list()) names.emplace_back(entry.name, entry.name);
  return rule::choice(&BenchOptions::device, std::move(names));
}

static const std::vector<Field<BenchOptions>>& bench_fields() {
  static const std::vector<Field<BenchOptions>> fields = {
      {{.name = "model", .flags = {"-m", "--model"}, .json = {}, .group = "What", .value = "NAME", .help = "sd15, sdxl (weights made in memory) or the folder of a model",
        .default_text = ""},
       rule::path(&BenchOptions::model)},
      {{.name = "size", .flags = {"--size"}, .json = {}, .group = "What", .value = "PIXELS", .help = "Side of the square picture", .default_text = "the model's"},
       rule::whole(&BenchOptions::size, {.low = 64, .high = 8192, .step = 8, .unset = 0})},
      {{.name = "dtype", .flags = {"--dtype"}, .json = {}, .group = "What", .value = "NAME", .help = "Arithmetic of the networks", .default_text = "the device's fastest"},
       rule::choice(&BenchOptions::dtype, {{"f32", DType::f32}, {"bf16", DType::bf16}, {"f16", DType::f16}})},
      {{.name = "device", .flags = {"--device"}, .json = {}, .group = "Machine", .value = "NAME", .help = "Where to compute", .default_text = ""}, device_rule()},
      {{.name = "threads", .flags = {"--threads"}, .json = {}, .group = "Machine", .value = "N", .help = "Threads to compute with", .default_text = "0, all cores"},
       rule::whole(&BenchOptions::threads, {.low = 0, .high = 1024})},
      {{.name = "low_vram", .flags = {"--low-vram"}, .json = {}, .group = "Machine", .value = "", .help = "Keep weights off the graphics card where it has no room for them",
        .default_text = "", .kind = FieldKind::toggle},
       rule::toggle(&BenchOptions::low_vram)},
      {{.name = "json", .flags = {"--json"}, .json = {}, .group = "Output", .value = "", .help = "One JSON object", .default_text = "", .kind = FieldKind::toggle},
       rule::toggle(&BenchOptions::json)},
  };
  return fields;
}

static int run(const Arguments& arguments) {
  BenchOptions options;
  apply(options, bench_fields(), arguments.given);
  return run_bench(options);
}

Command bench_command() {
  return {{.name = "bench", .summary = "Time of each phase at real shapes, and the share of this machine's peak", .positional = "", .positional_hint = "",
           .max_positional = 0, .epilogue = "Example:\n  imagent bench --model sd15 --size 512 --dtype bf16 --json\n"},
          "", infos(bench_fields()), run};
}

}  // namespace imagent
