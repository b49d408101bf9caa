// The only names that a pickle of weights may call or make use of: what torch.save writes for tensors.
#pragma once
#include <optional>
#include <string_view>

#include "weights/pickle.h"

namespace imagent {

// `opaque`: makes plain data that weights do not need.
enum class PickleFunction : uint8_t { rebuild_tensor, rebuild_tensor_v2, rebuild_tensor_v3, rebuild_parameter, ordered_dict, parameter_dict, opaque };

constexpr uint8_t untyped_storage = 0xff;

// A function, a storage class or a dtype, ready as a value; none for every other name.
std::optional<PickledValue> pickle_name(std::string_view module, std::string_view name);

}  // namespace imagent
