// <lora:name:0.8> and its kind.
#include "text/extra_networks.h"

#include <cmath>

#include "base/error.h"
#include "base/printable.h"
#include "text/unicode.h"

namespace imagent {
namespace {

size_t word_length(std::string_view text, size_t at) {
  size_t end = at;
  for (size_t next = at; next < text.size(); end = next)
    if (!is_word(next_code_point(text, next))) break;
  return end - at;
}

ExtraNetwork read_network(std::string_view kind, std::string_view arguments) {
  ExtraNetwork network{.kind = std::string(kind), .items = {}, .positional = {}, .named = {}};
  for (const std::string_view item : split(arguments, ':')) {
    network.items.emplace_back(item);
    const std::vector<std::string_view> sides = split(item, '=');
    if (sides.size() == 2)
      network.named.emplace_back(sides[0], sides[1]);
    else
      network.positional.emplace_back(item);
  }
  return network;
}

// For messages.
std::string as_written(const ExtraNetwork& network) { return str("<", printable(network.kind + ":" + join(network.items, ":")), ">"); }

double multiplier(const ExtraNetwork& network, size_t position, std::string_view key, double fallback) {
  std::string_view text;
  bool given = network.positional.size() > position;
  if (given) text = network.positional[position];
  double value = fallback;
  const auto read = [&] {
    check(parse_number(trim_space(text), value) && std::isfinite(value), ErrorKind::usage, as_written(network), ": \"", printable(text),
          "\" should be a number (", key, ")");
  };
  if (given) read();
  for (const auto& [name, argument] : network.named) {
    if (name != key) continue;
    text = argument;
    read();
  }
  return value;
}

}  // namespace

ExtraNetworkPrompt take_extra_networks(std::string_view prompt) {
  ExtraNetworkPrompt out;
  size_t begin = 0;
  for (size_t at = prompt.find('<'); at != std::string_view::npos; at = prompt.find('<', at)) {
    const size_t colon = at + 1 + word_length(prompt, at + 1);
    if (colon == at + 1 || colon >= prompt.size() || prompt[colon] != ':') {
      at = colon;
      continue;
    }
    const size_t end = prompt.find('>', colon);
    if (end == std::string_view::npos) break;  // no later tag can end either
    if (end == colon + 1) {
      at = end;
      continue;
    }
    out.text += prompt.substr(begin, at - begin);
    out.networks.push_back(read_network(prompt.substr(at + 1, colon - at - 1), prompt.substr(colon + 1, end - colon - 1)));
    begin = at = end + 1;
  }
  out.text += prompt.substr(begin);
  return out;
}

LoraRequest lora_request(const ExtraNetwork& network) {
  LoraRequest lora;
  check(!network.positional.empty(), ErrorKind::usage, as_written(network), ": has no name");
  lora.name = network.positional[0];
  lora.text_encoder = multiplier(network, 1, "te", 1.0);
  lora.unet = multiplier(network, 2, "unet", lora.text_encoder);
  constexpr double absent = -1;
  const double dyn = multiplier(network, 3, "dyn", absent);
  check(dyn == absent || (dyn >= 0 && dyn <= 65536), ErrorKind::usage, as_written(network), ": dyn should be a rank");
  if (dyn != absent) lora.dyn = static_cast<int>(dyn);
  return lora;
}

}  // namespace imagent
