// The directory of a zip archive whose members are stored without compression, as PyTorch writes them.
// Format: APPNOTE.TXT of PKWARE, with the 64-bit records (4.3.14 - 4.5.3).
#pragma once
#include <cstddef>
#include <map>
#include <span>
#include <string>

namespace imagent {

struct ZipMember {
  std::span<const std::byte> bytes;
  bool compressed = false;
};

// Members by name, as views into `archive`. Errors: model, when the archive is truncated, damaged or lies about its sizes;
// `origin` is its name for the message.
std::map<std::string, ZipMember, std::less<>> read_zip(std::span<const std::byte> archive, const std::string& origin);

}  // namespace imagent
