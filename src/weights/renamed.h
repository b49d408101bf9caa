// Decorators over a Source: present other names, or several files as one.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weights/source.h"

namespace imagent {

// `source` with every occurrence of a pattern in its tensor names replaced: {{".query.", ".to_q."}, ...}.
std::shared_ptr<const Source> renamed(std::shared_ptr<const Source> source, const std::vector<std::pair<std::string, std::string>>& replacements);

// The shards of one model as one source. Errors: model, when a name is in two of them.
std::shared_ptr<const Source> merged(std::vector<std::shared_ptr<const Source>> shards, std::string origin);

}  // namespace imagent
