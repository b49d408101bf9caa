// Tensors of ESRGAN's network under Real-ESRGAN's names.
#include "weights/names_esrgan.h"

#include <set>

#include "base/str.h"

namespace imagent {
namespace {

// "model.8.weight" -> 8; nothing when the second part is no number.
bool module_number(const std::string& name, long long& number) {
  const auto parts = split(name, '.');
  return parts.size() == 3 && parts[0] == "model" && parse_number(parts[1], number);
}

// The first release is one nn.Sequential: after the trunk follow the enlarging convolutions and the last two.
std::map<std::string, std::string> sequential_modules(const std::vector<std::string>& names) {
  std::set<long long> numbers;
  long long number = 0;
  for (const std::string& name : names)
    if (module_number(name, number) && number > 1) numbers.insert(number);
  std::map<std::string, std::string> modules = {{"model.0.", "conv_first."}};
  size_t left = numbers.size();
  int stage = 0;
  for (const long long n : numbers) {
    modules[str("model.", n, ".")] = left > 2 ? str("conv_up", ++stage, ".") : left == 2 ? "conv_hr." : "conv_last.";
    --left;
  }
  return modules;
}

std::string with_prefix(const std::string& name, const std::map<std::string, std::string>& prefixes) {
  for (const auto& [from, to] : prefixes)
    if (name.starts_with(from)) return to + name.substr(from.size());
  return name;
}

// "model.1.sub.0.RDB1.conv1.0.weight" -> "body.0.rdb1.conv1.weight", "model.1.sub.23.weight" -> "conv_body.weight"
std::string trunk_name(const std::string& name) {
  const auto parts = split(name, '.');
  if (parts.size() == 5) return str("conv_body.", parts[4]);
  if (parts.size() != 8) return name;
  return str("body.", parts[3], ".", lower_ascii(parts[4]), ".", parts[5], ".", parts[7]);
}

std::string bsrgan_name(std::string name) {
  name = with_prefix(name, {{"RRDB_trunk.", "body."}, {"trunk_conv.", "conv_body."}, {"upconv", "conv_up"}, {"HRconv.", "conv_hr."}});
  if (const size_t at = name.find(".RDB"); at != std::string::npos) name.replace(at, 4, ".rdb");
  return name;
}

}  // namespace

TensorTable esrgan_names(const std::vector<std::string>& names) {
  static const std::map<std::string, std::string> wrappers = {{"module.", ""}, {"params_ema.", ""}, {"params.", ""}};
  std::vector<std::string> bare;
  for (const std::string& name : names) bare.push_back(with_prefix(name, wrappers));
  const auto modules = sequential_modules(bare);
  TensorTable table;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string& name = bare[i];
    table[name.starts_with("model.1.sub.") ? trunk_name(name) : name.starts_with("model.") ? with_prefix(name, modules) : bsrgan_name(name)] = {names[i]};
  }
  return table;
}

}  // namespace imagent
