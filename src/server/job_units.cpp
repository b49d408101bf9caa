// Lists of units between bodies, jobs and requests.
#include "server/job_units.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "image/codec.h"
#include "pipeline/request_fields.h"
#include "server/base64.h"

namespace imagent::server {

using Json = nlohmann::json;

const UnitList& control_units() {
  static const UnitList list{"controls", "control", CatalogKind::control};
  return list;
}
const UnitList& ip_adapter_units() {
  static const UnitList list{"ip_adapters", "ip_adapter", CatalogKind::ip_adapter};
  return list;
}
static std::array<const UnitList*, 2> unit_lists() { return {&control_units(), &ip_adapter_units()}; }

const UnitList* unit_list_of(const std::string& field) {
  for (const UnitList* list : unit_lists())
    if (list->field == field) return list;
  return nullptr;
}

static std::string image_input(const UnitList& list, size_t unit) { return str(list.input, "_", unit); }
static std::string region_input(const UnitList& list, size_t unit) { return str(list.input, "_", unit, "_region"); }

// A part's name and its other ones in JSON, of the parts that are pictures.
static bool is_called(const UnitList& list, const std::string& part, const std::string& key) {
  static const std::vector<FieldInfo> fields = infos(request_fields());
  for (const FieldInfo& field : fields)
    for (const FieldInfo& info : field.name == list.field ? field.parts : std::vector<FieldInfo>())
      if (info.name == part) return key == part || std::count(info.json.begin(), info.json.end(), key) > 0;
  return false;
}

static void read_list(Job& job, const UnitList& list, const Json& units) {
  check(units.is_array(), ErrorKind::usage, list.field, ": should be a list of {\"model\", \"image\", ...}");
  for (size_t i = 0; i < units.size(); ++i) {
    check(units[i].is_object(), ErrorKind::usage, list.field, "[", i, "]: should be an object");
    Json rest = Json::object();
    for (const auto& [key, value] : units[i].items()) {
      const bool image = is_called(list, "image", key), region = is_called(list, "region", key);
      check(!(image || region) || value.is_string() || value.is_null(), ErrorKind::usage, list.field, "[", i, "]: ", key, ": should be a picture in Base64");
      if (!image && !region)
        rest[key] = value;
      else if (value.is_string())
        job.inputs[image ? image_input(list, i) : region_input(list, i)] = value.get<std::string>();
    }
    add_unit(job, list, std::move(rest), {});
  }
}

void read_units(Job& job, const Json& body) {
  for (const UnitList* list : unit_lists()) {
    const auto found = body.find(list->field);
    if (found != body.end() && !found->is_null() && !job.fields.count(list->field)) read_list(job, *list, *found);
  }
}

void add_unit(Job& job, const UnitList& list, Json unit, UnitPictures pictures) {
  const auto found = job.fields.find(list.field);
  Json units = found == job.fields.end() ? Json::array() : Json::parse(found->second);
  if (!pictures.image.empty()) job.inputs[image_input(list, units.size())] = std::move(pictures.image);
  if (!pictures.region.empty()) job.inputs[region_input(list, units.size())] = std::move(pictures.region);
  units.push_back(std::move(unit));
  job.fields[list.field] = units.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string unit_picture(const Job& job, const UnitList& list, size_t unit) {
  const auto found = job.inputs.find(image_input(list, unit));
  return found == job.inputs.end() ? "" : found->second;
}

std::string found_units(const Given& given, const std::vector<FieldInfo>& parts, const UnitList& list, const Catalog& catalog) {
  std::vector<std::map<std::string, std::string>> units;
  for (const GivenValues& values : list_elements(given, parts)) {
    auto& unit = units.emplace_back();
    for (const auto& [name, value] : values) unit[name] = value.text;
    for (const FieldInfo& part : parts)
      check(part.name == "model" || !part.names_file || !unit.count(part.name), ErrorKind::usage, given.origin, "[", units.size() - 1, "]: ", part.name,
            part.name == "image" || part.name == "region" ? ": should be a picture in Base64" : ": a server's files are chosen by the names that it lists");
    if (const auto model = unit.find("model"); model != unit.end()) model->second = catalog.find(list.kind, model->second).path.string();
  }
  return list_text(units);
}

template <class Unit>
static void set_pictures(std::vector<Unit>& units, const UnitList& list, const Job& job) {
  for (size_t i = 0; i < units.size(); ++i) {
    units[i].image = input_picture(job, image_input(list, i));
    check(units[i].image != nullptr, ErrorKind::usage, list.field, "[", i, "]: image: is missing");
    units[i].region = input_picture(job, region_input(list, i));
  }
}

void set_unit_pictures(Request& request, const Job& job) {
  set_pictures(request.controls, control_units(), job);
  set_pictures(request.ip_adapters, ip_adapter_units(), job);
}

std::string init_image_input(size_t number) { return str("init_images_", number); }

std::shared_ptr<const Image> input_picture(const Job& job, const std::string& name) {
  const auto found = job.inputs.find(name);
  return found == job.inputs.end() ? nullptr : std::make_shared<const Image>(decode_image(base64_decode(found->second, name), {}, name));
}

}  // namespace imagent::server
