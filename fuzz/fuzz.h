// What all fuzz targets share: one input is one untrusted file or text, which may end well or in an Error of its kind, within
// the memory that issue and docs allow: 4 times the input's size and 64 MB.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "weights/source.h"

namespace imagent::fuzz {

// A file that exists in memory only.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::filesystem::path path() const;

 private:
  int file_;
};

// Runs `body` and swallows an Error; one of kind internal, one whose text is no UTF-8 or holds control characters, every
// other exception and memory beyond the limit for `input_size` end the program.
void expect_answer(size_t input_size, const std::function<void()>& body);

// Reads every tensor to its last byte; one that is of an unreadable type is skipped.
void read_all(const Source& source);

// Small decisions out of the first bytes of an input, the rest of it stays a text.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}
  uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto first = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace imagent::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv);
