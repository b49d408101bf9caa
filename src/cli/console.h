// Standard streams: results go to standard output, everything else to standard error.
#pragma once
#include <cstdint>
#include <span>
#include <string>

namespace imagent {

// Errors: io, when standard output is closed or full.
void write_result(std::span<const uint8_t> bytes);
void write_result(const std::string& text);

void write_error(const std::string& text);  // to standard error; never fails
bool error_is_terminal();
int terminal_columns();                     // of standard error, 80 when unknown

// What a file says goes to a terminal: its control characters must not (line breaks and tabs may).
std::string without_controls(std::string text);

// The rest of standard input up to a line break, which stays away. Errors: as read_standard_input().
std::string read_standard_input_line();
// All of standard input, at most 1 MiB. Errors: usage (unreadable, too long), cancelled.
std::string read_standard_input();
// A small text file. Errors: usage, with `purpose` ("the prompt file").
std::string read_small_file(const std::string& path, const std::string& purpose);

}  // namespace imagent
