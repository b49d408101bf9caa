// Unpacking a .gz (RFC 1952) in memory with zlib.
#include "text/gzip.h"

#include <zlib.h>

#include "base/error.h"

namespace imagent {

std::string gunzip(std::span<const std::byte> packed, size_t largest) {
  check(packed.size() <= largest, ErrorKind::io, "gzip: the packed data is larger than ", largest, " bytes");
  z_stream stream{};
  check(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK, ErrorKind::memory, "gzip: zlib cannot start");
  struct Guard {
    z_stream& stream;
    ~Guard() { inflateEnd(&stream); }
  } guard{stream};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  char block[65536];
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(block);
    stream.avail_out = sizeof block;
    state = inflate(&stream, Z_NO_FLUSH);
    out.append(block, sizeof block - stream.avail_out);
    check(out.size() <= largest, ErrorKind::io, "gzip: unpacks to more than ", largest, " bytes");
  }
  check(state == Z_STREAM_END, ErrorKind::io, "gzip: damaged or truncated data");
  return out;
}

}  // namespace imagent
