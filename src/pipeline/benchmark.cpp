// Measuring the phases of a picture.
#include "pipeline/benchmark.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "pipeline/loaded_model.h"
#include "pipeline/synthetic.h"
#include "sampling/rng.h"

namespace imagent {
namespace {

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

// The networks of one model, from made-up weights or from a folder.
struct Networks {
  std::string name;
  int size = 0;
  std::vector<ClipTextModel> text;
  std::optional<UNet2DConditionModel> unet;
  std::unique_ptr<const VaeNetwork> decoder;
  int64_t latent_channels = 4;
  std::vector<std::unique_ptr<LoadedModel>> loaded;  // keeps a folder's model alive

  Networks(Backend& backend, const BenchmarkOptions& options) {
    if (std::filesystem::is_directory(options.model))
      load_folder(backend, options);
    else
      make_synthetic(backend, options);
  }

 private:
  void make_synthetic(Backend& backend, const BenchmarkOptions& options) {
    const SyntheticModel model = synthetic_model(options.model);
    name = model.name;
    size = model.size;
    for (size_t i = 0; i < model.text_encoders.size(); ++i)
      text.emplace_back(Weights(model.text_encoders[i], backend, options.dtype), model.text_configs[i]);
    unet.emplace(Weights(model.unet, backend, options.dtype), model.unet_config);
    latent_channels = model.vae_config.latent_channels;
    decoder = std::make_unique<VaeDecoder>(Weights(model.vae, backend, options.dtype), model.vae_config);
  }

  void load_folder(Backend& backend, const BenchmarkOptions& options) {
    loaded.push_back(std::make_unique<LoadedModel>(open_model_source(options.model), backend, options.dtype));
    LoadedModel& model = *loaded[0];
    name = model.source()->name();
    size = 8 * model.unet_config().sample_size;
    text = model.text_encoders();
    unet = model.unet();
    decoder = model.vae_decoder().clone();
    latent_channels = model.vae_config().latent_channels;
  }
};

Tensor noise(Backend& backend, Shape shape, DType dtype) {
  std::vector<float> values(static_cast<size_t>(shape.numel()));
  make_generator(GeneratorKind::cpu, 1)->normal(values);
  return cast(upload(backend, shape, values), dtype);
}

// One UNet call with guidance: two rows.
void unet_step(Backend& backend, const UNet2DConditionModel& unet, int side, DType dtype) {
  const UNetConditions conditions = unet.blank_conditions(2, 77);
  download(unet(noise(backend, {2, side, side, unet.in_channels()}, dtype), conditions));
}

std::vector<OpTotal> totals(const std::vector<OpRecord>& records) {
  std::map<std::pair<std::string, std::string>, OpTotal> by_shape;
  std::map<std::pair<std::string, std::string>, double> flop;
  for (const OpRecord& record : records) {
    const std::pair key{std::string(record.op), record.shape};
    OpTotal& total = by_shape[key];
    total.op = record.op;
    total.shape = record.shape;
    ++total.calls;
    total.ms += 1000 * record.seconds;
    flop[key] += record.flop;
  }
  std::vector<OpTotal> out;
  for (auto& [key, total] : by_shape) {
    total.gflops = total.ms > 0 ? flop[key] / total.ms / 1e6 : 0;
    out.push_back(total);
  }
  std::sort(out.begin(), out.end(), [](const OpTotal& a, const OpTotal& b) { return a.ms > b.ms; });
  return out;
}

// What the ops of `work` report.
std::vector<OpRecord> observe(Backend& backend, const std::function<void()>& work) {
  std::vector<OpRecord> records;
  backend.observer = [&](const OpRecord& record) { records.push_back(record); };
  work();
  backend.observer = nullptr;
  return records;
}

double gflop_of(const std::vector<OpRecord>& records) {
  double flop = 0;
  for (const OpRecord& record : records) flop += record.flop;
  return flop / 1e9;
}

}  // namespace

BenchmarkReport run_benchmark(Backend& backend, const BenchmarkOptions& options, const std::function<void(const std::string&)>& progress) {
  BenchmarkReport report;
  progress("load");
  std::optional<Networks> networks;
  report.load_s = seconds_of([&] { networks.emplace(backend, options); });
  report.model = networks->name;
  report.size = options.size ? options.size : networks->size;
  check(report.size % 8 == 0 && report.size > 0, ErrorKind::usage, "size ", report.size, " is no multiple of 8");
  const int side = report.size / 8;

  std::map<std::string, std::vector<double>> peaks;
  const auto probe = [&] {
    const PeakGflops peak = backend.probe_peak();
    for (const auto& [name, gflops] : {std::pair{"f32", peak.f32}, {"bf16", peak.bf16}, {"int8", peak.int8}}) peaks[name].push_back(gflops);
  };
  // The first run warms caches and pools; then each repetition has its own probe beside it.
  const auto measure = [&](const std::string& phase, const std::function<void()>& work) {
    progress(phase);
    work();
    std::vector<double> seconds;
    for (int i = 0; i < options.repetitions; ++i) {
      probe();
      seconds.push_back(seconds_of(work));
    }
    return median(seconds);
  };

  const std::vector<int32_t> ids(77, 7);
  report.text_encode_s = measure("text encoder", [&] {
    for (const ClipTextModel& encoder : networks->text) download(encoder(ids).last_hidden_state);
  });
  const auto step = [&] { unet_step(backend, *networks->unet, side, options.dtype); };
  report.unet_step.seconds = measure("UNet step", step);
  const auto records = observe(backend, step);
  report.unet_step.gflop = gflop_of(records);
  report.ops = totals(records);
  backend.next_part();  // as a run does
  const auto decode = [&] { download((*networks->decoder)(noise(backend, {1, side, side, networks->latent_channels}, options.dtype))); };
  report.vae_decode.seconds = measure("VAE decode", decode);
  report.vae_decode.gflop = gflop_of(observe(backend, decode));

  for (const auto& [name, values] : peaks) report.peak_gflops[name] = median(values);
  const double peak = report.peak_gflops[options.dtype == DType::f32 ? "f32" : "bf16"];
  for (PhaseResult* phase : {&report.unet_step, &report.vae_decode})
    if (peak > 0) phase->share_of_peak = phase->gflop / phase->seconds / peak;
  return report;
}

}  // namespace imagent
