// Bodies into jobs, jobs into requests.
#include "server/job_request.h"

#include <algorithm>

#include "base/error.h"
#include "image/codec.h"
#include "pipeline/canvas.h"
#include "pipeline/hires.h"
#include "pipeline/request_fields.h"
#include "pipeline/upscale.h"
#include "server/base64.h"

namespace imagent::server {

static const std::vector<FieldInfo>& field_infos() {
  static const std::vector<FieldInfo> list = infos(request_fields());
  return list;
}

static std::string control_input(size_t unit) { return str("control_", unit); }

// The pictures of {"controls": [...]} go to the job's inputs; what is left is text.
static void read_controls(Job& job, const nlohmann::json& body) {
  const auto found = body.find("controls");
  if (found == body.end() || found->is_null() || job.fields.count("controls")) return;
  check(found->is_array(), ErrorKind::usage, "controls: should be a list of {\"model\", \"image\", ...}");
  nlohmann::json units = nlohmann::json::array();
  for (const nlohmann::json& unit : *found) {
    check(unit.is_object(), ErrorKind::usage, "controls[", units.size(), "]: should be an object");
    nlohmann::json rest = nlohmann::json::object();
    for (const auto& [key, value] : unit.items()) {
      const bool picture = key == "image" || key == "input_image";
      check(!picture || value.is_string() || value.is_null(), ErrorKind::usage, "controls[", units.size(), "]: ", key, ": should be a picture in Base64");
      if (!picture)
        rest[key] = value;
      else if (value.is_string())
        job.inputs[control_input(units.size())] = value.get<std::string>();
    }
    units.push_back(std::move(rest));
  }
  if (!units.empty()) job.fields["controls"] = units.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void read_fields(Job& job, const nlohmann::json& body) {
  read_controls(job, body);
  GivenValues given;
  add_json(given, field_infos(), body, "request");
  given.erase("controls");
  for (const auto& [name, value] : given) job.fields.try_emplace(name, value.text);
}

void add_control(Job& job, nlohmann::json unit, std::string picture) {
  const auto found = job.fields.find("controls");
  nlohmann::json units = found == job.fields.end() ? nlohmann::json::array() : nlohmann::json::parse(found->second);
  job.inputs[control_input(units.size())] = std::move(picture);
  units.push_back(std::move(unit));
  job.fields["controls"] = units.dump();
}

std::vector<std::string> control_pictures(const Job& job) {
  std::vector<std::string> pictures;
  for (auto found = job.inputs.find(control_input(0)); found != job.inputs.end(); found = job.inputs.find(control_input(pictures.size()))) pictures.push_back(found->second);
  return pictures;
}

void add_lora(Job& job, const Catalog& catalog, const std::string& name, double strength) {
  check(strength >= -10 && strength <= 10, ErrorKind::usage, "lora ", quoted(name), ": its strength ", strength, " should be a number from -10 to 10");
  std::vector<std::string> loras;
  if (const auto found = job.fields.find("lora"); found != job.fields.end())
    for (const Given& element : list_texts({found->second, "lora"})) loras.push_back(element.text);
  loras.push_back(str(catalog.find(CatalogKind::lora, name).name, ":", strength));
  job.fields["lora"] = list_text(loras);
}

void set_default(Job& job, const std::string& field, const std::string& value) { job.fields.try_emplace(field, value); }

// Fields whose value is a name of the catalog here and a path in a Request.
static const std::map<std::string, CatalogKind>& catalog_fields() {
  static const std::map<std::string, CatalogKind> fields = {
      {"model", CatalogKind::model}, {"refiner", CatalogKind::model}, {"vae", CatalogKind::vae}, {"hires_upscaler", CatalogKind::upscaler}};
  return fields;
}

// Words of a catalog's field that name no file.
static bool names_nothing(const std::string& field, const std::string& text) {
  if (field == "vae") return text.empty() || text == "None" || text == "Automatic";
  return field == "refiner" && (text.empty() || text == "None");
}
static bool is_own_upscaler(const std::string& text) {
  const std::vector<std::string> names = upscaler_names({});
  return find_latent_upscaler(text) || std::find(names.begin(), names.end(), lower_ascii(text)) != names.end();
}

static bool names_files(const FieldInfo& field) {
  return field.names_file || std::any_of(field.parts.begin(), field.parts.end(), [](const FieldInfo& part) { return part.names_file; });
}

static std::string found_controls(const Given& given, const std::vector<FieldInfo>& parts, const Catalog& catalog) {
  std::vector<std::map<std::string, std::string>> units;
  for (const GivenValues& values : list_elements(given, parts)) {
    auto& unit = units.emplace_back();
    for (const auto& [name, value] : values) unit[name] = value.text;
    check(!unit.count("image"), ErrorKind::usage, given.origin, "[", units.size() - 1, "]: image: should be a picture in Base64");
    if (const auto model = unit.find("model"); model != unit.end()) model->second = catalog.find(CatalogKind::control, model->second).path.string();
  }
  return list_text(units);
}

// Names become the paths that they stand for; no path comes from a caller.
static void find_files(GivenValues& given, const Catalog& catalog) {
  for (const FieldInfo& field : field_infos()) {
    const auto found = given.find(field.name);
    if (found == given.end()) continue;
    std::string& text = found->second.text;
    if (field.name == "controls") {
      text = found_controls(found->second, field.parts, catalog);
    } else if (const auto kind = catalog_fields().find(field.name); kind == catalog_fields().end()) {
      check(!names_files(field), ErrorKind::usage, field.name, ": a server's files are chosen by the names that it lists");
    } else if (names_nothing(field.name, text)) {
      given.erase(found);
    } else if (kind->second != CatalogKind::upscaler || !is_own_upscaler(text)) {
      text = catalog.find(kind->second, text).path.string();
      if (text.empty()) given.erase(found);
    }
  }
}

static std::shared_ptr<const Image> picture_of(const Job& job, const std::string& name) {
  const auto found = job.inputs.find(name);
  return found == job.inputs.end() ? nullptr : std::make_shared<const Image>(decode_image(base64_decode(found->second, name), {}, name));
}

Request request_of(const Job& job, const Catalog& catalog) {
  GivenValues given;
  for (const auto& [name, text] : job.fields) given[name] = {text, name};
  find_files(given, catalog);
  Request request;
  apply(request, request_fields(), given);
  for (size_t i = 0; i < request.controls.size(); ++i) {
    request.controls[i].image = picture_of(job, control_input(i));
    check(request.controls[i].image != nullptr, ErrorKind::usage, "controls[", i, "]: image: is missing");
  }
  validate(request);
  if (request.preview_every > 0 && request.preview == PreviewKind::taesd) request.taesd = catalog.places().taesd.string();
  if (!request.styles.empty()) request.styles_file = catalog.places().styles.string();
  request.init_image = picture_of(job, "init_image");
  request.mask = picture_of(job, "mask");
  return request;
}

Request check_job(const Job& job, const Catalog& catalog, const PictureLimits& limits) {
  const Request request = request_of(job, catalog);
  check(request.prompt.size() <= limits.max_prompt, ErrorKind::usage, "prompt: has ", request.prompt.size(), " bytes, at most ", limits.max_prompt, " are taken");
  Request sized = request;
  if (const std::optional<Size> size = size_by_picture(request)) {
    sized.width = size->width;
    sized.height = size->height;
  }
  const Request largest = sized.width > 0 && sized.height > 0 ? hires_request(sized).value_or(sized) : sized;
  const int64_t pixels = int64_t{largest.width} * largest.height;
  check(pixels <= limits.max_pixels, ErrorKind::usage, "width ", largest.width, " and height ", largest.height, ": ", pixels,
        " pixels, this server draws at most ", limits.max_pixels);
  check(job.batches >= 1 && int64_t{job.batches} * request.batch <= limits.max_pictures, ErrorKind::usage, "batches of ", request.batch, " times ", job.batches,
        ": a job draws 1 to ", limits.max_pictures, " pictures");
  return request;
}

std::map<std::string, std::string> fields_of(const Request& request) {
  std::map<std::string, std::string> fields;
  const std::vector<FieldInfo>& known = field_infos();
  for (size_t i = 0; i < known.size(); ++i) {
    if (names_files(known[i]) || catalog_fields().count(known[i].name)) continue;
    if (std::string text = request_fields()[i].rule.get(request); !text.empty()) fields[known[i].name] = std::move(text);
  }
  return fields;
}

}  // namespace imagent::server
