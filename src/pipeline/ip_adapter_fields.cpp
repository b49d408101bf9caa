// The fields of an IpAdapterUnit: one row each. Names as in docs/cli.md.
#include "pipeline/ip_adapter_fields.h"

#include "base/error.h"
#include "pipeline/picture_rule.h"

namespace imagent {

const std::vector<Field<IpAdapterUnit>>& ip_adapter_fields() {
  static const std::string group = "IP-Adapter";
  static const std::vector<Field<IpAdapterUnit>> fields = {
      {{.name = "model", .flags = {"--ip-adapter"}, .json = {}, .group = group, .value = "FILE",
        .help = "An IP-Adapter, which lets a picture be a prompt; again for another one. The flags behind it belong to it", .default_text = "none"},
       rule::path(&IpAdapterUnit::model)},
      {{.name = "image", .flags = {"--ip-image"}, .json = {"input_image"}, .group = group, .value = "FILE",
        .help = "The picture; its middle square is looked at", .default_text = ""},
       rule::picture(&IpAdapterUnit::image)},
      {{.name = "encoder", .flags = {"--ip-encoder"}, .json = {}, .group = group, .value = "PATH",
        .help = "The image encoder that it reads, a folder or a file", .default_text = "the folder image_encoder beside it"},
       rule::path(&IpAdapterUnit::encoder)},
      {{.name = "strength", .flags = {"--ip-strength"}, .json = {"weight"}, .group = group, .value = "X",
        .help = "How strongly the picture counts beside the text", .default_text = ""},
       rule::real(&IpAdapterUnit::strength, {0, 2})},
      {{.name = "start", .flags = {"--ip-start"}, .json = {"guidance_start"}, .group = group, .value = "X",
        .help = "Part of the steps after which it counts", .default_text = ""},
       rule::real(&IpAdapterUnit::start, {0, 1})},
      {{.name = "end", .flags = {"--ip-end"}, .json = {"guidance_end"}, .group = group, .value = "X",
        .help = "Part of the steps until which it counts", .default_text = ""},
       rule::real(&IpAdapterUnit::end, {0, 1})},
      {{.name = "region", .flags = {"--ip-region"}, .json = {"mask", "effective_region_mask"}, .group = group, .value = "FILE",
        .help = "A picture, stretched over the drawn one: it counts where this is white", .default_text = "everywhere"},
       rule::picture(&IpAdapterUnit::region)},
  };
  return fields;
}

Field<Request> ip_adapters_field() {
  FieldInfo info = {.name = "ip_adapters", .flags = {}, .json = {}, .group = "IP-Adapter", .value = "", .help = "", .default_text = "", .kind = FieldKind::list, .recorded = false};
  info.parts = infos(ip_adapter_fields());
  return {std::move(info), rule::list(&Request::ip_adapters, ip_adapter_fields())};
}

void validate_ip_adapters(const Request& request) {
  for (const IpAdapterUnit& unit : request.ip_adapters) {
    check(!unit.model.empty(), ErrorKind::usage, "a picture is given as a prompt, but no IP-Adapter (--ip-adapter)");
    check(unit.image != nullptr, ErrorKind::usage, "--ip-adapter ", unit.model, ": the picture is missing (--ip-image)");
    check(unit.start <= unit.end, ErrorKind::usage, "--ip-start ", unit.start, ": lies behind --ip-end ", unit.end);
  }
}

}  // namespace imagent
