// Bodies into jobs, jobs into requests.
#include "server/job_request.h"

#include "base/error.h"
#include "image/codec.h"
#include "pipeline/request_fields.h"
#include "server/base64.h"

namespace imagent::server {

static const std::vector<FieldInfo>& field_infos() {
  static const std::vector<FieldInfo> list = infos(request_fields());
  return list;
}

void read_fields(Job& job, const nlohmann::json& body) {
  GivenValues given;
  add_json(given, field_infos(), body, "request");
  for (const auto& [name, value] : given) job.fields.try_emplace(name, value.text);
}

void add_lora(Job& job, const Catalog& catalog, const std::string& name, double strength) {
  check(strength >= -10 && strength <= 10, ErrorKind::usage, "lora ", quoted(name), ": its strength ", strength, " should be a number from -10 to 10");
  std::vector<std::string> loras;
  if (const auto found = job.fields.find("lora"); found != job.fields.end())
    for (const Given& element : list_texts({found->second, "lora"})) loras.push_back(element.text);
  loras.push_back(str(catalog.find_lora(name).name, ":", strength));
  job.fields["lora"] = list_text(loras);
}

void set_default(Job& job, const std::string& field, const std::string& value) { job.fields.try_emplace(field, value); }

Request request_of(const Job& job, const Catalog& catalog) {
  GivenValues given;
  for (const auto& [name, text] : job.fields) given[name] = {text, name};
  for (const char* model : {"model", "refiner"})
    if (const auto found = given.find(model); found != given.end()) {
      found->second.text = catalog.find_model(found->second.text).path.string();
      if (found->second.text.empty()) given.erase(found);
    }
  check(!given.count("model_config"), ErrorKind::usage, "model_config: a server's models are chosen by their names alone");
  check(!given.count("ip_adapters"), ErrorKind::usage, "ip_adapters: a server reads no files that its callers name");
  Request request;
  apply(request, request_fields(), given);
  validate(request);
  for (const auto& [name, member] : {std::pair{"init_image", &Request::init_image}, {"mask", &Request::mask}})
    if (const auto found = job.inputs.find(name); found != job.inputs.end())
      request.*member = std::make_shared<const Image>(decode_image(base64_decode(found->second, name), {}, name));
  return request;
}

Request check_job(const Job& job, const Catalog& catalog, const PictureLimits& limits) {
  const Request request = request_of(job, catalog);
  check(request.prompt.size() <= limits.max_prompt, ErrorKind::usage, "prompt: has ", request.prompt.size(), " bytes, at most ", limits.max_prompt, " are taken");
  const int64_t pixels = int64_t{request.width} * request.height;
  check(pixels <= limits.max_pixels, ErrorKind::usage, "width ", request.width, " and height ", request.height, ": ", pixels,
        " pixels, this server draws at most ", limits.max_pixels);
  check(job.batches >= 1 && int64_t{job.batches} * request.batch <= limits.max_pictures, ErrorKind::usage, "batches of ", request.batch, " times ", job.batches,
        ": a job draws 1 to ", limits.max_pictures, " pictures");
  return request;
}

std::map<std::string, std::string> fields_of(const Request& request) {
  std::map<std::string, std::string> fields;
  for (const Field<Request>& field : request_fields())
    if (std::string text = field.rule.get(request); !text.empty()) fields[field.info.name] = std::move(text);
  return fields;
}

}  // namespace imagent::server
