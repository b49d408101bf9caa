// Base64 (RFC 4648) as HTTP clients send it: raw or in a data URI, with or without padding, with line breaks.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace imagent::server {

std::string base64_encode(std::span<const uint8_t> bytes);

// Errors: image, naming `what`, for anything that is no Base64, and for a URL: this server fetches nothing for a caller.
std::vector<uint8_t> base64_decode(std::string_view text, std::string_view what);

}  // namespace imagent::server
