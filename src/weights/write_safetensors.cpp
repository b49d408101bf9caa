// Writes safetensors files. Format: github.com/huggingface/safetensors; shards: huggingface_hub,
// serialization/_base.py, split_state_dict_into_shards_factory.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "weights/encode.h"
#include "weights/safetensors_header.h"

namespace imagent {

using nlohmann::ordered_json;

void write_safetensors(AtomicFile& file, const WeightsPlan& plan, const Source& source, const WroteBytes& wrote) {
  // Wide elements first, so that every tensor lies aligned.
  std::vector<const PlannedTensor*> order;
  for (const PlannedTensor& tensor : plan.tensors) {
    check(!tensor.type.blocks, ErrorKind::unsupported, "safetensors files hold no tensors of type ", tensor.type.name());
    order.push_back(&tensor);
  }
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return size_of(a->type.dtype) > size_of(b->type.dtype); });
  ordered_json header = ordered_json::object();
  if (!plan.metadata.empty()) header["__metadata__"] = plan.metadata;
  uint64_t at = 0;
  for (const PlannedTensor* tensor : order) {
    header[tensor->name] = {{"dtype", safetensors_dtype(tensor->type.dtype)}, {"shape", std::vector<int64_t>(tensor->shape.begin(), tensor->shape.end())},
                            {"data_offsets", {at, at + tensor->bytes()}}};
    at += tensor->bytes();
  }
  std::string text = header.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t length = text.size();
  file.write({reinterpret_cast<const uint8_t*>(&length), sizeof length});
  file.write({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  for (const PlannedTensor* tensor : order) encode_tensor(file, *tensor, source, wrote);
}

std::vector<WeightsPlan> sharded(const WeightsPlan& plan, uint64_t most) {
  std::vector<WeightsPlan> shards;
  uint64_t size = 0;
  for (const PlannedTensor& tensor : plan.tensors) {
    const uint64_t bytes = tensor.bytes();
    if (shards.empty() || (size + bytes > most && size > 0)) {
      shards.push_back({{}, plan.metadata});
      size = 0;
    }
    shards.back().tensors.push_back(tensor);
    size += bytes;
  }
  return shards;
}

std::string shard_index(const std::vector<WeightsPlan>& plans, const std::vector<std::string>& files) {
  ordered_json index = {{"metadata", {{"total_size", 0}}}, {"weight_map", ordered_json::object()}};
  std::map<std::string, std::string> places;
  uint64_t total = 0;
  for (size_t i = 0; i < plans.size(); ++i) {
    total += plans[i].bytes();
    for (const PlannedTensor& tensor : plans[i].tensors) places[tensor.name] = files.at(i);
  }
  index["metadata"]["total_size"] = total;
  index["weight_map"] = places;
  return index.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace imagent
