// The models that imagent knows by name, as JSON text in the form that a user's file has too.
#pragma once

namespace imagent {

extern const char* const known_models_json;

}  // namespace imagent
