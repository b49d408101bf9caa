// Guidance (Ho & Salimans 2022) around one UNet call.
#include "pipeline/denoise.h"

#include <algorithm>
#include <cmath>

#include "models/embeddings.h"

namespace imagent {
namespace {

// One row of the UNet's batch.
struct Row {
  const DenoiseJob* job;
  const WeightedConditioning* condition;
  bool positive;       // of the prompt, not of the negative one
  bool blank = false;  // zeros for the further channels
};

std::vector<Row> rows_of(std::span<const DenoiseJob> jobs) {
  std::vector<Row> rows;
  for (const DenoiseJob& job : jobs) {
    check(!job.guidance->positive.empty(), "denoise: a picture has no prompt");
    if (job.guidance->needs_blank()) rows.push_back({&job, &job.guidance->negative, false, true});
    if (job.guidance->needs_negative()) rows.push_back({&job, &job.guidance->negative, false});
    for (const WeightedConditioning& condition : job.guidance->positive) rows.push_back({&job, &condition, true});
  }
  return rows;
}

// planar [C,pixels] -> channels last, as the first C of `stride` channels a pixel
void to_channels_last(std::span<const float> planar, int64_t pixels, int64_t stride, float* out) {
  const int64_t channels = static_cast<int64_t>(planar.size()) / pixels;
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t p = 0; p < pixels; ++p) out[p * stride + c] = planar[c * pixels + p];
}
std::vector<float> to_planar(std::span<const float> last, int64_t channels) {
  const int64_t pixels = static_cast<int64_t>(last.size()) / channels;
  std::vector<float> out(last.size());
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t p = 0; p < pixels; ++p) out[c * pixels + p] = last[p * channels + c];
  return out;
}

// The same vector of every row's conditioning, joined and uploaded.
template <class Get>
Tensor upload_rows(Backend& backend, DType compute, std::span<const Row> rows, Shape row_shape, Get get) {
  std::vector<float> values;
  values.reserve(rows.size() * static_cast<size_t>(row_shape.numel()));
  for (const Row& row : rows) {
    const std::vector<float>& part = get(row);
    check(static_cast<int64_t>(part.size()) == row_shape.numel(), "denoise: the pictures of a batch are conditioned on texts of different lengths");
    values.insert(values.end(), part.begin(), part.end());
  }
  std::vector<int64_t> dims{static_cast<int64_t>(rows.size())};
  dims.insert(dims.end(), row_shape.begin(), row_shape.end());
  return cast(upload(backend, Shape(std::span<const int64_t>(dims)), values), compute);
}

UNetConditions conditions_of(const UNet2DConditionModel& unet, Backend& backend, DType compute, std::span<const Row> rows) {
  const Conditioning& first = *rows[0].condition->conditioning;
  UNetConditions c;
  c.context = upload_rows(backend, compute, rows, {first.tokens, first.width}, [](const Row& r) -> auto& { return r.condition->conditioning->states; });
  if (unet.add_embedding)
    c.text_embeds = upload_rows(backend, compute, rows, {static_cast<int64_t>(first.pooled.size())},
                                [](const Row& r) -> auto& { return r.condition->conditioning->pooled; });
  c.freeu = rows[0].job->guidance->freeu;
  for (const Row& row : rows) {
    check(row.job->guidance->freeu == c.freeu, "denoise: the pictures of a batch have different FreeU scales");
    c.timesteps.push_back(row.job->timestep);
    if (unet.add_embedding) c.time_ids.insert(c.time_ids.end(), row.condition->time_ids.begin(), row.condition->time_ids.end());
    if (unet.guidance_width == 0) continue;
    const auto embedded = guidance_embedding(row.job->guidance->scale, static_cast<int>(unet.guidance_width));
    c.guidance.insert(c.guidance.end(), embedded.begin(), embedded.end());
  }
  return c;
}

// The rows' latents [N,h,w,C], with their further channels when `picture` has more than the latents.
Tensor upload_sample(Backend& backend, DType compute, std::span<const Row> rows, Shape picture) {
  const int64_t pixels = picture[0] * picture[1], channels = picture[2], size = picture.numel(), n = static_cast<int64_t>(rows.size());
  std::vector<float> values(static_cast<size_t>(n * size));
  for (int64_t i = 0; i < n; ++i) {
    const std::span<const float> latents = rows[i].job->input, extra = rows[i].job->extra;
    const int64_t own = static_cast<int64_t>(latents.size()) / pixels;
    to_channels_last(latents, pixels, channels, &values[i * size]);
    if (own < channels && !rows[i].blank) to_channels_last(extra, pixels, channels, &values[i * size + own]);
  }
  return cast(upload(backend, {n, picture[0], picture[1], channels}, values), compute);
}

// What the ControlNets say: they see the latents alone, also where the UNet gets further channels.
UNetResiduals residuals_for(std::span<const Row> rows, const Tensor& sample, const UNetConditions& conditions) {
  std::vector<ControlRow> seen;
  for (const Row& row : rows) seen.push_back({row.job->controls, row.positive});
  if (std::all_of(seen.begin(), seen.end(), [](const ControlRow& row) { return row.controls.empty(); })) return {};
  if (rows[0].job->extra.empty()) return control_residuals(sample, conditions, seen);
  const int64_t height = sample.dim(1), width = sample.dim(2), channels = static_cast<int64_t>(rows[0].job->input.size()) / (height * width);
  return control_residuals(upload_sample(sample.backend(), sample.dtype(), rows, {height, width, channels}), conditions, seen);
}

// negative + scale * sum of weight * (positive - negative). With a picture to edit (Brooks et al. 2023, equation 3) the
// negative row sees the picture and is itself taken as a difference, from the blank row.
std::vector<float> guide(const Guidance& guidance, std::span<const std::vector<float>> outputs) {
  if (!guidance.needs_negative()) return outputs[0];
  std::vector<float> guided = outputs[0];
  if (guidance.needs_blank()) {
    for (size_t i = 0; i < guided.size(); ++i) guided[i] += *guidance.image_scale * (outputs[1][i] - outputs[0][i]);
    outputs = outputs.subspan(1);
  }
  const std::vector<float>& negative = outputs[0];
  const float strength = guidance.wants_negative ? guidance.scale : std::max(guidance.scale, 1.0f);
  for (size_t part = 0; part < guidance.positive.size(); ++part) {
    const float scale = strength * guidance.positive[part].weight;
    const std::vector<float>& positive = outputs[part + 1];
    for (size_t i = 0; i < guided.size(); ++i) guided[i] += scale * (positive[i] - negative[i]);
  }
  if (guidance.rescale > 0) rescale_guidance(guided, outputs[1], guidance.rescale);
  return guided;
}

double standard_deviation(std::span<const float> values) {
  double mean = 0, sum = 0;
  for (const float v : values) mean += v;
  mean /= static_cast<double>(values.size());
  for (const float v : values) sum += (v - mean) * (v - mean);
  return std::sqrt(sum / static_cast<double>(std::max<size_t>(values.size(), 2) - 1));
}

// A UNet whose ops on one picture are too small to keep several threads busy: what they wait for each other costs more than
// reading the weights once a thread. By the first level's convolution; the built-in model's at 128x128 has 4e7 flop.
bool has_small_ops(const UNet2DConditionModel& unet, int height, int width) {
  constexpr double most_flop = 1e8;
  const auto channels = static_cast<double>(unet.conv_in.packed.out);
  return 2.0 * 9 * height * width * channels * channels <= most_flop;
}

// In how many parts, each on a thread of its own, a call is made.
int64_t parts_of_call(const UNet2DConditionModel& unet, int height, int width, std::span<const DenoiseJob> jobs) {
  const int64_t threads = unet.backend().info().threads, pictures = static_cast<int64_t>(jobs.size());
  if (threads == 1 || pictures < threads || !has_small_ops(unet, height, width)) return 1;
  if (pictures >= 4 * threads) return 2 * threads;  // a thread that others hold up leaves the rest to those that are free
  const int64_t largest = (pictures + threads - 1) / threads;
  return 5 * pictures >= 4 * largest * threads ? threads : 1;  // where one part is much larger than the rest the others' threads would wait
}

std::vector<Denoised> denoise_together(const UNet2DConditionModel& unet, DType compute, int height, int width, std::span<const DenoiseJob> jobs) {
  const std::vector<Row> rows = rows_of(jobs);
  const int64_t channels = unet.in_channels(), n = static_cast<int64_t>(rows.size());
  const Tensor sample = upload_sample(unet.backend(), compute, rows, {height, width, channels});
  UNetConditions conditions = conditions_of(unet, unet.backend(), compute, rows);
  std::vector<ImagePromptRow> seen;
  for (const Row& row : rows) seen.push_back({row.job->image_prompts, row.positive});
  conditions.images = image_keys(seen);
  const Tensor output = unet(sample, conditions, residuals_for(rows, sample, conditions));
  const std::vector<float> values = download(output);

  const int64_t out_size = output.numel() / n;
  std::vector<std::vector<float>> outputs;
  for (int64_t i = 0; i < n; ++i) outputs.push_back(to_planar(std::span(values).subspan(i * out_size, out_size), output.dim(3)));
  std::vector<Denoised> results;
  size_t at = 0;
  for (const DenoiseJob& job : jobs) {
    const size_t count = job.guidance->rows();
    std::vector<float> guided = guide(*job.guidance, std::span(outputs).subspan(at, count));
    results.push_back({std::move(guided), job.guidance->needs_negative() ? std::move(outputs[at + (job.guidance->needs_blank() ? 1 : 0)]) : std::vector<float>()});
    at += count;
  }
  return results;
}

}  // namespace

void rescale_guidance(std::span<float> guided, std::span<const float> conditional, float rescale) {
  const double spread = standard_deviation(guided);
  const auto ratio = static_cast<float>(spread > 0 ? standard_deviation(conditional) / spread : 1);
  for (float& value : guided) value = rescale * (value * ratio) + (1 - rescale) * value;
}

std::vector<Denoised> denoise(const UNet2DConditionModel& unet, DType compute, int height, int width, std::span<const DenoiseJob> jobs) {
  const int64_t size = unet.in_channels() * height * width;
  for (const DenoiseJob& job : jobs)
    check(static_cast<int64_t>(job.input.size() + job.extra.size()) == size, "denoise: latents of ", job.input.size() + job.extra.size(),
          " values, the UNet wants ", size);
  const auto pictures = static_cast<int64_t>(jobs.size()), parts = parts_of_call(unet, height, width, jobs);
  std::vector<std::vector<Denoised>> outputs(static_cast<size_t>(parts));
  unet.backend().side_by_side(parts, [&](int64_t i) {
    const int64_t begin = pictures * i / parts, end = pictures * (i + 1) / parts;
    outputs[i] = denoise_together(unet, compute, height, width, jobs.subspan(begin, end - begin));
  });
  std::vector<Denoised> all;
  for (std::vector<Denoised>& part : outputs) std::move(part.begin(), part.end(), std::back_inserter(all));
  return all;
}

}  // namespace imagent
