// The parts of a job that look at pictures of their own: {"controls": [...]} (ControlNets, T2I-Adapters) and
// {"ip_adapters": [...]}. Their pictures are the job's inputs; what is left of them is a field of texts.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pipeline/field.h"
#include "pipeline/request.h"
#include "server/catalog.h"
#include "server/messages.h"

namespace imagent::server {

struct UnitList {
  std::string field;        // of the Request
  std::string input;        // begins the names of its pictures among the job's inputs
  CatalogKind kind;         // of its models
};
const UnitList& control_units();
const UnitList& ip_adapter_units();
const UnitList* unit_list_of(const std::string& field);   // null: it is none

// The lists of a body, unless the job has them already. Errors: usage.
void read_units(Job& job, const nlohmann::json& body);

// Pictures of a unit, encoded files in Base64.
struct UnitPictures {
  std::string image = {}, region = {};   // "": not among these
};
// Adds a unit as in a body's list, but for its pictures.
void add_unit(Job& job, const UnitList& list, nlohmann::json unit, UnitPictures pictures);
std::string unit_picture(const Job& job, const UnitList& list, size_t unit);   // its image; "": there is no such unit

// A list's text, its models' names replaced by the paths that they stand for. Errors: usage (another file is named), model.
std::string found_units(const Given& given, const std::vector<FieldInfo>& parts, const UnitList& list, const Catalog& catalog);

// Gives the request's units their pictures. Errors: usage (there is none), image.
void set_unit_pictures(Request& request, const Job& job);

// A decoded input of the job; null: there is none. Errors: image.
std::shared_ptr<const Image> input_picture(const Job& job, const std::string& name);
// The name of one of several pictures to start from.
std::string init_image_input(size_t number);

}  // namespace imagent::server
