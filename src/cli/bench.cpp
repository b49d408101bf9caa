// What the command `bench` prints.
#include "cli/bench.h"

#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

#include "backends.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/version.h"
#include "pipeline/benchmark.h"

namespace imagent {
namespace {

double peak_rss_mb() { return static_cast<double>(peak_resident_bytes()) / (1 << 20); }

nlohmann::ordered_json as_json(const BenchmarkReport& r, const Backend& backend, DType dtype) {
  const DeviceInfo info = backend.info();
  nlohmann::ordered_json ops = nlohmann::ordered_json::array();
  for (const OpTotal& op : r.ops) ops.push_back({{"op", op.op}, {"shape", op.shape}, {"calls", op.calls}, {"ms", op.ms}, {"gflops", op.gflops}});
  return {{"machine", {{"cpu", processor_name()}, {"threads", info.threads}, {"isa", info.instructions}, {"device", backend.name()}}},
          {"model", r.model},
          {"size", r.size},
          {"dtype", name_of(dtype)},
          {"peak_gflops", r.peak_gflops},
          {"load_s", r.load_s},
          {"text_encode_s", r.text_encode_s},
          {"unet_step_s", r.unet_step.seconds},
          {"unet_step_gflop", r.unet_step.gflop},
          {"unet_step_share_of_peak", r.unet_step.share_of_peak},
          {"vae_decode_s", r.vae_decode.seconds},
          {"vae_decode_gflop", r.vae_decode.gflop},
          {"vae_decode_share_of_peak", r.vae_decode.share_of_peak},
          {"peak_rss_mb", peak_rss_mb()},
          {"ops", ops}};
}

// "4.21 s   1606 GFLOP   381 GFLOP/s   82 % of peak (1.22 x its time)"
std::string phase_text(const PhaseResult& p) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(3) << std::setw(8) << p.seconds << " s" << std::setprecision(0) << std::setw(8) << p.gflop << " GFLOP"
      << std::setw(8) << p.gflop / p.seconds << " GFLOP/s";
  if (p.share_of_peak > 0)
    out << std::setw(6) << 100 * p.share_of_peak << " % of peak (" << std::setprecision(2) << 1 / p.share_of_peak << " x the time at peak)";
  return out.str();
}

std::string as_table(const BenchmarkReport& r, const Backend& backend, DType dtype) {
  constexpr size_t most_ops = 20;
  const DeviceInfo info = backend.info();
  std::ostringstream out;
  out << std::fixed << "machine       " << processor_name() << ", " << info.threads << " threads, " << info.instructions << "\n"
      << "model         " << r.model << ", " << r.size << "x" << r.size << ", " << name_of(dtype) << "\n"
      << "peak          " << std::setprecision(0);
  for (const auto& [name, gflops] : r.peak_gflops) out << name << " " << gflops << "  ";
  out << "GFLOP/s (multiply-add loops, probed between the measurements)\n"
      << std::setprecision(3) << "load          " << std::setw(8) << r.load_s << " s\n"
      << "text encoder  " << std::setw(8) << r.text_encode_s << " s\n"
      << "UNet step     " << phase_text(r.unet_step) << "\n"
      << "VAE decode    " << phase_text(r.vae_decode) << "\n"
      << "peak memory   " << std::setprecision(0) << std::setw(8) << peak_rss_mb() << " MB\n\n"
      << "ops of one step                                             calls        ms  GFLOP/s\n";
  for (size_t i = 0; i < std::min(r.ops.size(), most_ops); ++i) {
    const OpTotal& op = r.ops[i];
    out << std::left << std::setw(17) << op.op << std::setw(40) << op.shape << std::right << std::setw(8) << op.calls << std::setprecision(1)
        << std::setw(10) << op.ms << std::setprecision(0) << std::setw(9) << op.gflops << "\n";
  }
  return out.str();
}

}  // namespace

int run_bench(const BenchOptions& options) {
  const auto backend = make_backend(options.device, {.threads = options.threads, .low_vram = options.low_vram});
  const DType dtype = options.dtype.value_or(backend->supports(DType::bf16) ? DType::bf16 : DType::f32);
  check(backend->supports(dtype), ErrorKind::unsupported, "the device ", backend->name(), " cannot compute in ", name_of(dtype), " on this machine");
  const BenchmarkReport report = run_benchmark(*backend, {.model = options.model, .size = options.size, .dtype = dtype},
                                               [](const std::string& phase) { write_error("measuring: " + phase + "\n"); });
  write_result(options.json ? json_text(as_json(report, *backend, dtype)) : as_table(report, *backend, dtype));
  return 0;
}

}  // namespace imagent
