// Unpacking a .gz in memory: CLIP's byte-pair table is published and built in as one.
#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace imagent {

// Errors: io (damaged, truncated, or more than `largest` bytes when unpacked).
std::string gunzip(std::span<const std::byte> packed, size_t largest = size_t{64} << 20);

}  // namespace imagent
