// Texts of strangers in messages.
#pragma once
#include <string>
#include <string_view>

namespace imagent {

// One line of about 200 bytes at most, with a blank for a line break or tab, and with ? for other control characters and
// what is no UTF-8.
std::string printable(std::string_view text);

}  // namespace imagent
