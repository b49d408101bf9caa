// Between JSON bodies, jobs and the engine's Request: the field table (pipeline/request_fields.h) does the work.
#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "pipeline/request.h"
#include "server/catalog.h"
#include "server/messages.h"

namespace imagent::server {

// What this server takes at most, whatever the dialect.
struct PictureLimits {
  int64_t max_pixels = int64_t{2048} * 2048;   // of one picture
  int max_pictures = 16;                       // of one job
  size_t max_prompt = 100000;                  // bytes
};

// Every field that the body names in any dialect's words, as text; null counts as absent, unknown keys are left alone.
// Those that the job has already stay as they are. Errors: usage.
void read_fields(Job& job, const nlohmann::json& body);

// Adds a LoRA that the catalog knows. Errors: model; usage for a strength outside -10..10.
void add_lora(Job& job, const Catalog& catalog, const std::string& name, double strength);

// Sets a field unless it is there.
void set_default(Job& job, const std::string& field, const std::string& value);

// Whether the field's value is a name that the catalog lists, and a path only behind it.
bool is_catalog_field(const std::string& field);

// Whether that chooses the model's own VAE: "", "None", "Automatic".
bool names_own_vae(const std::string& text);

// The request that a job means, the names of its files looked up in the catalog; a field that names a file in any other way is
// refused. Errors: usage, model, image.
Request request_of(const Job& job, const Catalog& catalog);

// What the job asks for, checked before it is queued. Errors: as request_of, and usage beyond the limits.
Request check_job(const Job& job, const Catalog& catalog, const PictureLimits& limits);

// The other way: all fields of a request that have a value, but those that say where files lie.
std::map<std::string, std::string> fields_of(const Request& request);

}  // namespace imagent::server
