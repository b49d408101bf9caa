// Bodies into jobs, jobs into requests.
#include "server/job_request.h"

#include <algorithm>

#include "base/error.h"
#include "image/codec.h"
#include "pipeline/canvas.h"
#include "pipeline/hires.h"
#include "pipeline/request_fields.h"
#include "pipeline/upscale.h"
#include "server/job_units.h"

namespace imagent::server {

static const std::vector<FieldInfo>& field_infos() {
  static const std::vector<FieldInfo> list = infos(request_fields());
  return list;
}

void read_fields(Job& job, const nlohmann::json& body) {
  read_units(job, body);
  GivenValues given;
  add_json(given, field_infos(), body, "request");
  for (const auto& [name, value] : given)
    if (!unit_list_of(name)) job.fields.try_emplace(name, value.text);
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

bool is_catalog_field(const std::string& field) { return catalog_fields().count(field) > 0; }

bool names_own_vae(const std::string& text) { return text.empty() || text == "None" || text == "Automatic"; }

// Words of a catalog's field that name no file.
static bool names_nothing(const std::string& field, const std::string& text) {
  if (field == "vae") return names_own_vae(text);
  return field == "refiner" && (text.empty() || text == "None");
}
static bool is_own_upscaler(const std::string& text) {
  const std::vector<std::string> names = upscaler_names({});
  return find_latent_upscaler(text) || std::find(names.begin(), names.end(), lower_ascii(text)) != names.end();
}

static bool names_files(const FieldInfo& field) {
  return field.names_file || std::any_of(field.parts.begin(), field.parts.end(), [](const FieldInfo& part) { return part.names_file; });
}

// Names become the paths that they stand for; no path comes from a caller.
static void find_files(GivenValues& given, const Catalog& catalog) {
  for (const FieldInfo& field : field_infos()) {
    const auto found = given.find(field.name);
    if (found == given.end()) continue;
    std::string& text = found->second.text;
    if (const UnitList* units = unit_list_of(field.name)) {
      text = found_units(found->second, field.parts, *units, catalog);
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

Request request_of(const Job& job, const Catalog& catalog) {
  GivenValues given;
  for (const auto& [name, text] : job.fields) given[name] = {text, name};
  find_files(given, catalog);
  Request request;
  apply(request, request_fields(), given);
  set_unit_pictures(request, job);
  validate(request);
  if (request.preview_every > 0 && request.preview == PreviewKind::taesd) request.taesd = catalog.places().taesd.string();
  if (!request.styles.empty()) request.styles_file = catalog.places().styles.string();
  request.init_image = input_picture(job, "init_image");
  while (auto another = input_picture(job, init_image_input(request.init_images.size()))) request.init_images.push_back(std::move(another));
  request.mask = input_picture(job, "mask");
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
