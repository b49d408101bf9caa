// Reading little-endian numbers out of untrusted bytes: no read leaves them.
#pragma once
#include <bit>
#include <concepts>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/printable.h"

namespace imagent {

static_assert(std::endian::native == std::endian::little, "weight files are read in place: a little-endian machine is needed");

class ByteReader {
 public:
  // `origin` is the file's name for messages. Reading past the end is an Error of kind model.
  ByteReader(std::span<const std::byte> bytes, std::string origin) : bytes_(bytes), origin_(std::move(origin)) {}

  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string_view text(uint64_t length) {
    const auto raw = take(length);
    return {reinterpret_cast<const char*>(raw.data()), raw.size()};
  }
  std::span<const std::byte> take(uint64_t length) {
    check(length <= left(), ErrorKind::model, origin_, " is truncated or damaged: ", length, " bytes are wanted at byte ", at_, ", ", left(), " are left");
    const auto taken = bytes_.subspan(at_, length);
    at_ += length;
    return taken;
  }
  void seek(uint64_t at) {
    check(at <= bytes_.size(), ErrorKind::model, origin_, " is truncated or damaged: it points to byte ", at, " of ", bytes_.size());
    at_ = at;
  }
  size_t at() const { return at_; }
  size_t left() const { return bytes_.size() - at_; }
  const std::string& origin() const { return origin_; }

 private:
  std::span<const std::byte> bytes_;
  size_t at_ = 0;
  std::string origin_;
};

// Whether `part` lies inside `whole`: only then may its pages be given back.
inline bool lies_in(std::span<const std::byte> part, std::span<const std::byte> whole) {
  const std::less_equal<> before;
  return before(whole.data(), part.data()) && before(part.data() + part.size(), whole.data() + whole.size());
}

}  // namespace imagent
