// Downloads as progress.
#include "cli/downloads.h"

#include "cli/interrupt.h"

namespace imagent {

Events download_events(ProgressReporter& reporter) {
  Events events;
  events.cancel = &interrupted();
  events.download = [&reporter](const PullProgress& progress) { reporter.download(progress); };
  events.note = [&reporter](const std::string& text) { reporter.remark(text); };
  return events;
}

}  // namespace imagent
