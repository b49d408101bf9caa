// --lora NAME:WEIGHT and its kind.
#include <cmath>

#include "pipeline/field_rules.h"
#include "pipeline/request_field_groups.h"

namespace imagent {

// NAME, NAME:WEIGHT or NAME:TEXT_ENCODER:UNET. A name may hold colons: only numbers at the end are taken off, two at most.
static bool parse_lora(std::string text, LoraRequest& lora) {
  std::vector<double> weights;  // the last one first
  for (size_t colon; weights.size() < 2 && (colon = text.rfind(':')) != std::string::npos; text.resize(colon)) {
    double weight;
    if (!parse_number(std::string_view(text).substr(colon + 1), weight)) break;
    if (!std::isfinite(weight)) return false;
    weights.push_back(weight);
  }
  if (!weights.empty()) lora.unet = weights.front(), lora.text_encoder = weights.back();
  lora.name = text;
  return !text.empty() && text.find('\0') == std::string::npos;
}

static std::string shortest(double value) {
  char digits[48];
  return std::string(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

static Rule<Request> loras() {
  const auto set = [](Request& request, const std::string& text) {
    std::vector<LoraRequest> loras;
    for (const Given& element : list_texts({text, "lora"}))
      if (!parse_lora(element.text, loras.emplace_back())) return false;
    request.loras = std::move(loras);
    return true;
  };
  const auto get = [](const Request& request) -> std::string {
    std::vector<std::string> texts;
    for (const LoraRequest& lora : request.loras) texts.push_back(str(lora.name, ":", shortest(lora.text_encoder), ":", shortest(lora.unet)));
    return texts.empty() ? "" : list_text(texts);
  };
  return {"NAME, NAME:WEIGHT or NAME:TEXT_ENCODER_WEIGHT:UNET_WEIGHT", set, get};
}

std::vector<Field<Request>> lora_fields() {
  const std::string group = "Model";
  return {
      {{.name = "lora", .flags = {"--lora"}, .json = {"loras"}, .group = group, .value = "NAME:WEIGHT",
        .help = "A LoRA by its name in --lora-dir or by a file's path; the weight may be negative; may be given several times", .default_text = "none",
        .kind = FieldKind::list},
       loras()},
      {{.name = "lora_lenient", .flags = {"--lora-lenient"}, .json = {}, .group = group, .value = "",
        .help = "Go on with a warning when parts of a LoRA fit nowhere in the model", .default_text = "", .kind = FieldKind::toggle},
       rule::toggle(&Request::lora_lenient)},
  };
}

}  // namespace imagent
