// The A1111 `parameters` text of a finished picture (docs: prompts.md, image/infotext.h).
#pragma once
#include <string>

#include "pipeline/engine.h"

namespace imagent {

// Of image `index` of a run whose request has all defaults filled in.
std::string describe(const Run& run, int index);

}  // namespace imagent
