// Ctrl-C: the first asks the run to stop after the current op, the second ends the program at once.
#pragma once
#include <atomic>

namespace imagent {

const std::atomic<bool>& interrupted();
void check_interrupt();                  // Errors: cancelled
// SIGINT and SIGTERM set interrupted(); SIGPIPE and SIGXFSZ become errors of the write.
void install_signal_handlers();
// Standard input, output and error exist afterwards, so that no opened file takes their number.
void open_standard_streams();
// Tells the handler that a sudden end has to show the cursor again.
void note_hidden_cursor(bool hidden);

}  // namespace imagent
