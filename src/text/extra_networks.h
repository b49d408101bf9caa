// <lora:name:0.8> and its kind: requests for networks inside a prompt. Grammar: A1111 modules/extra_networks.py and
// extensions-builtin/Lora/extra_networks_lora.py.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace imagent {

struct ExtraNetwork {
  std::string kind;                                         // "lora", "lyco", "hypernet", ...
  std::vector<std::string> items;                           // everything behind the kind, cut at ':'
  std::vector<std::string> positional;                      // items without '='
  std::vector<std::pair<std::string, std::string>> named;   // items with one '=', in order
};

struct ExtraNetworkPrompt {
  std::string text;  // the prompt without its tags
  std::vector<ExtraNetwork> networks;
};

// Removes every <kind:arguments>. What is no complete tag stays in the text. Linear in the prompt.
ExtraNetworkPrompt take_extra_networks(std::string_view prompt);

struct LoraRequest {
  std::string name;
  double text_encoder = 1.0;  // multiplier te
  double unet = 1.0;          // multiplier unet, te unless given
  std::optional<int> dyn;     // rank of the dynamic part
};

inline bool is_lora(const ExtraNetwork& network) { return network.kind == "lora" || network.kind == "lyco"; }
// name[:te[:unet[:dyn]]], or te=, unet=, dyn=. Errors: usage (no name, a multiplier that is no number).
LoraRequest lora_request(const ExtraNetwork& network);

}  // namespace imagent
