// The few things that are done to addresses (RFC 3986).
#pragma once
#include <string>
#include <string_view>

namespace imagent {

std::string percent_quote(std::string_view text, std::string_view keep = "");   // all but unreserved characters and `keep`
bool is_relative_url(std::string_view url);                                     // neither scheme nor host
std::string origin_of(const std::string& url);                                  // "https://host:port"; "" when it is no http(s) address
std::string resolve_url(const std::string& base, const std::string& target);    // "" when the result is no http(s) address

}  // namespace imagent
