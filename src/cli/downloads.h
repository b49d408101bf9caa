// What a command hears while a model comes from the hub.
#pragma once
#include "cli/progress.h"
#include "pipeline/engine.h"

namespace imagent {

// Events that show downloads and remarks and that Ctrl-C cancels. `reporter` has to live as long.
Events download_events(ProgressReporter& reporter);

}  // namespace imagent
