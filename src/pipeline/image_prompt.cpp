// Pictures as prompts. diffusers attention_processor.py: IPAdapterAttnProcessor2_0; pipeline_stable_diffusion.py: encode_image.
#include "pipeline/image_prompt.h"

#include <algorithm>

#include "pipeline/named_files.h"
#include "pipeline/region.h"

namespace imagent {
namespace {

void check_family(const IpAdapter& adapter, const std::string& name, const UNet2DConditionModel& unet, const std::vector<const Attention*>& layers) {
  const int64_t width = adapter.ip_adapter.empty() ? 0 : adapter.ip_adapter[0].to_k_ip.packed.in, wanted = unet.context_width();
  check(width == wanted, ErrorKind::usage, "the IP-Adapter ", name, " is made for a model whose text is ", width, " wide, this one's is ", wanted);
  bool fits = adapter.ip_adapter.size() == layers.size();
  for (size_t i = 0; fits && i < layers.size(); ++i) {
    const auto& [to_k, to_v] = adapter.ip_adapter[i];
    fits = to_k.packed.out == layers[i]->to_k.packed.out && to_v.packed.out == layers[i]->to_v.packed.out && to_k.packed.in == width && to_v.packed.in == width;
  }
  check(fits, ErrorKind::usage, "the IP-Adapter ", name, " is made for another kind of model: its ", adapter.ip_adapter.size(), " layers do not fit this UNet's ", layers.size());
}

ImageKeys keys_of(const IpAdapter& adapter, const Tensor& tokens, float strength) {
  ImageKeys keys;
  for (const ImageAttention& layer : adapter.ip_adapter) {
    keys.keys.push_back(layer.to_k_ip(tokens));
    Tensor values = layer.to_v_ip(tokens);
    keys.values.push_back(axpby(strength, values, 0, values));
  }
  return keys;
}

Tensor zeros_like(const Tensor& x) {
  return cast(upload(x.backend(), x.shape(), std::vector<float>(static_cast<size_t>(x.numel()))), x.dtype());
}

ImageKeys keys_of_rows(const ImagePrompt& prompt, std::span<const ImagePromptRow> rows) {
  ImageKeys all{{}, {}, prompt.regions};
  for (size_t layer = 0; layer < prompt.positive.keys.size(); ++layer) {
    std::vector<Tensor> keys, values;
    for (const ImagePromptRow& row : rows) {
      const bool sees = std::find(row.prompts.begin(), row.prompts.end(), &prompt) != row.prompts.end();
      const ImageKeys& side = row.positive ? prompt.positive : prompt.negative;
      keys.push_back(side.keys[layer]);
      values.push_back(sees ? side.values[layer] : zeros_like(side.values[layer]));
    }
    all.keys.push_back(concat_rows(keys));
    all.values.push_back(concat_rows(values));
  }
  return all;
}

}  // namespace

std::vector<ImagePrompt> make_image_prompts(std::span<LoadedIpAdapter* const> adapters, const Request& request, const UNet2DConditionModel& unet) {
  const std::vector<const Attention*> layers = unet.cross_attentions();
  std::vector<ImagePrompt> prompts;
  for (size_t i = 0; i < adapters.size(); ++i) {
    const IpAdapterUnit& unit = request.ip_adapters[i];
    const IpAdapter& adapter = adapters[i]->model();
    check_family(adapter, adapters[i]->files().name, unet, layers);
    const ImageTokens tokens = adapters[i]->tokens(*unit.image);
    prompts.push_back({keys_of(adapter, tokens.positive, unit.strength), keys_of(adapter, tokens.negative, unit.strength),
                       {unit.start, unit.end, request.compat == Compat::a1111}});
  }
  return prompts;
}

std::vector<ImagePrompt> with_regions(std::vector<ImagePrompt> prompts, const Request& request, Size size, const UNet2DConditionModel& unet) {
  for (size_t i = 0; i < prompts.size(); ++i) prompts[i].regions = region_maps(request.ip_adapters[i].region, size, unet, unet.backend());
  return prompts;
}

std::vector<ImageKeys> image_keys(std::span<const ImagePromptRow> rows) {
  std::vector<const ImagePrompt*> prompts;  // in the order of the requests
  for (const ImagePromptRow& row : rows)
    for (const ImagePrompt* prompt : row.prompts)
      if (std::find(prompts.begin(), prompts.end(), prompt) == prompts.end()) prompts.push_back(prompt);
  std::vector<ImageKeys> all;
  for (const ImagePrompt* prompt : prompts) all.push_back(keys_of_rows(*prompt, rows));
  return all;
}

std::vector<std::shared_ptr<LoadedIpAdapter>> IpAdapterLibrary::open(const Request& request, Backend& backend, DType compute) {
  std::vector<std::shared_ptr<LoadedIpAdapter>> opened;
  decltype(adapters_) used;
  const auto find = [](auto& list, const Key& key) { return std::find_if(list.begin(), list.end(), [&](const auto& entry) { return entry.first == key; }); };
  const bool half = size_of(compute) == 2;
  const auto encoder_of = [&](const Key& wanted) {
    for (const auto* list : {&used, &adapters_})
      for (const auto& [key, adapter] : *list)
        if (key.encoder == wanted.encoder && key.encoder_stamp == wanted.encoder_stamp && key.compute == compute) return adapter->encoder();
    return std::make_shared<LoadedImageEncoder>(open_image_encoder(wanted.encoder, half), backend, compute);
  };
  for (const IpAdapterUnit& unit : request.ip_adapters) {
    const IpAdapterFiles files = open_ip_adapter(unit.model);
    Key key{.adapter = unit.model, .encoder = unit.encoder, .adapter_stamp = model_stamp(unit.model), .encoder_stamp = {}, .compute = compute};
    if (key.encoder.empty()) key.encoder = image_encoder_beside(unit.model, files, half);
    key.encoder_stamp = model_stamp(key.encoder);
    auto found = find(used, key);
    if (found == used.end()) {
      const auto kept = find(adapters_, key);
      auto adapter = kept != adapters_.end() ? kept->second : std::make_shared<LoadedIpAdapter>(files, encoder_of(key), backend, compute);
      found = used.insert(used.end(), {key, std::move(adapter)});
    }
    opened.push_back(found->second);
  }
  if (!used.empty()) adapters_ = std::move(used);
  return opened;
}

size_t IpAdapterLibrary::unused_bytes(std::span<const void* const> used) const {
  std::vector<LoadedIpAdapter*> all, kept;
  for (const auto& [key, adapter] : adapters_) {
    all.push_back(adapter.get());
    if (std::find(used.begin(), used.end(), adapter.get()) != used.end()) kept.push_back(adapter.get());
  }
  return packed_bytes(all) - packed_bytes(kept);
}

bool IpAdapterLibrary::drop_unused(std::span<const void* const> used) {
  return std::erase_if(adapters_, [&](const auto& entry) { return std::find(used.begin(), used.end(), entry.second.get()) == used.end(); }) > 0;
}

}  // namespace imagent
