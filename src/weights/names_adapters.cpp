// Names of adapters' tensors.
#include "weights/names_adapters.h"

#include <algorithm>

#include "base/str.h"

namespace imagent {
namespace {

constexpr std::string_view wrapper = "adapter.";

std::string without_wrapper(const std::string& name) { return name.starts_with(wrapper) ? name.substr(wrapper.size()) : name; }

bool any_starts_with(const std::vector<std::string>& names, std::initializer_list<std::string_view> starts) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return std::any_of(starts.begin(), starts.end(), [&](std::string_view start) { return without_wrapper(name).starts_with(start); });
  });
}

// "body.5.block1.weight" -> "body.2.resnets.1.block1.weight": two blocks a level, of which the first has in_conv.
// "body.2.body.3.block1.weight" -> "body.2.resnets.3.block1.weight": a light adapter's.
std::string current_name(const std::string& name, bool flat) {
  const auto parts = split(name, '.');
  long long number = 0;
  if (parts.size() < 4 || parts[0] != "body" || !parse_number(parts[1], number) || number < 0) return name;
  if (parts.size() == 6 && parts[2] == "body") return str("body.", number, ".resnets.", parts[3], ".", parts[4], ".", parts[5]);
  if (!flat || parts.size() != 4) return name;
  const std::string rest = str(parts[2], ".", parts[3]);
  return parts[2].starts_with("block") ? str("body.", number / 2, ".resnets.", number % 2, ".", rest) : str("body.", number / 2, ".", rest);
}

}  // namespace

bool is_t2i_adapter(const std::vector<std::string>& names) { return any_starts_with(names, {"body.0.block1.", "body.0.resnets.0.block1.", "body.0.body.0.block1."}); }

bool is_ip_adapter(const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), [](const std::string& name) { return name.starts_with("image_proj.") || name.starts_with("ip_adapter."); });
}

TensorTable t2i_adapter_names(const std::vector<std::string>& names) {
  const bool flat = any_starts_with(names, {"body.0.block1."});
  TensorTable table;
  for (const std::string& name : names) table[current_name(without_wrapper(name), flat)] = {name};
  return table;
}

TensorTable ip_adapter_names(const std::vector<std::string>& names) {
  constexpr std::string_view stacked = ".to_kv.weight";
  TensorTable table;
  for (const std::string& name : names) {
    if (!name.ends_with(stacked)) {
      table[name] = {name};
      continue;
    }
    const std::string module = name.substr(0, name.size() - stacked.size());
    table[module + ".to_k.weight"] = {name, Layout::half, 0};
    table[module + ".to_v.weight"] = {name, Layout::half, 1};
  }
  return table;
}

}  // namespace imagent
