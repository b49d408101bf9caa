// Names of the tensors of T2I-Adapters (github.com/TencentARC/T2I-Adapter: ldm/modules/encoders/adapter.py; diffusers
// scripts/convert_original_t2i_adapter.py) and of IP-Adapters (github.com/tencent-ailab/IP-Adapter).
#pragma once
#include <string>
#include <vector>

#include "weights/rearranged.h"

namespace imagent {

// Whether these are the names of a T2I-Adapter, diffusers' or the original ones; of an IP-Adapter.
bool is_t2i_adapter(const std::vector<std::string>& names);
bool is_ip_adapter(const std::vector<std::string>& names);

// diffusers' names without "adapter." in front, and where the tensors lie.
TensorTable t2i_adapter_names(const std::vector<std::string>& names);

// The published names, but for keys and values that are stacked there (to_kv): these are to_k and to_v.
TensorTable ip_adapter_names(const std::vector<std::string>& names);

}  // namespace imagent
