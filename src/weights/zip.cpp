// Reads a zip archive's central directory; every position is checked against the archive.
#include "weights/zip.h"

#include <algorithm>
#include <limits>

#include "weights/byte_reader.h"
#include "weights/limits.h"

namespace imagent {
namespace {

constexpr uint32_t local_signature = 0x04034b50, entry_signature = 0x02014b50, end_signature = 0x06054b50,
                   end64_signature = 0x06064b50, locator64_signature = 0x07064b50;
constexpr size_t end_size = 22, locator64_size = 20;
constexpr uint32_t elsewhere = 0xffffffff;  // a 32-bit field whose value stands in the 64-bit record

struct Directory {
  uint64_t entries, size, offset;
};

// The end record is the last thing of an archive but for a comment of at most 64 KiB.
size_t find_end(std::span<const std::byte> archive, const std::string& origin) {
  const size_t longest = end_size + 0xffff;
  const size_t first = archive.size() > longest ? archive.size() - longest : 0;
  for (size_t at = archive.size() < end_size ? 0 : archive.size() - end_size + 1; at-- > first;)
    if (std::memcmp(archive.data() + at, &end_signature, 4) == 0) return at;
  fail(ErrorKind::model, origin, " is truncated or damaged: it starts as a zip archive and has no directory at its end");
}

Directory find_directory(ByteReader& in, size_t end) {
  if (end >= locator64_size) {
    in.seek(end - locator64_size);
    if (in.number<uint32_t>() == locator64_signature) {
      in.take(4);
      in.seek(in.number<uint64_t>());
      check(in.number<uint32_t>() == end64_signature, ErrorKind::model, in.origin(), " is damaged: its zip archive has no 64-bit end record where one should be");
      in.take(28);
      const auto entries = in.number<uint64_t>(), size = in.number<uint64_t>();
      return {entries, size, in.number<uint64_t>()};
    }
  }
  in.seek(end + 10);
  const auto entries = in.number<uint16_t>();
  const auto size = in.number<uint32_t>();
  return {entries, size, in.number<uint32_t>()};
}

struct Entry {
  uint16_t flags, method;
  uint64_t stored_size, size, offset;
  std::string_view name;
};

// The extra field 1 holds those of size, stored size and offset that do not fit in 32 bits, in this order.
void read_extra(Entry& entry, std::span<const std::byte> extra, const std::string& origin) {
  ByteReader in(extra, origin);
  while (in.left() >= 4) {
    const auto id = in.number<uint16_t>(), length = in.number<uint16_t>();
    ByteReader field(in.take(length), origin);
    if (id != 1) continue;
    for (uint64_t* value : {&entry.size, &entry.stored_size, &entry.offset})
      if (*value == elsewhere) *value = field.number<uint64_t>();
    return;
  }
}

Entry read_entry(ByteReader& in) {
  check(in.number<uint32_t>() == entry_signature, ErrorKind::model, in.origin(), " is damaged: its zip directory holds something else than entries");
  Entry entry{};
  in.take(4);
  entry.flags = in.number<uint16_t>();
  entry.method = in.number<uint16_t>();
  in.take(8);
  entry.stored_size = in.number<uint32_t>();
  entry.size = in.number<uint32_t>();
  const auto name = in.number<uint16_t>(), extra = in.number<uint16_t>(), comment = in.number<uint16_t>();
  in.take(8);
  entry.offset = in.number<uint32_t>();
  entry.name = in.text(name);
  read_extra(entry, in.take(extra), in.origin());
  in.take(comment);
  return entry;
}

}  // namespace

std::map<std::string, ZipMember, std::less<>> read_zip(std::span<const std::byte> archive, const std::string& origin) {
  ByteReader in(archive, origin);
  const Directory directory = find_directory(in, find_end(archive, origin));
  check(directory.entries <= max_tensors, ErrorKind::model, origin, " claims ", directory.entries, " members in its zip archive, more than ", max_tensors);
  in.seek(directory.offset);
  ByteReader entries(in.take(directory.size), origin);
  std::map<std::string, ZipMember, std::less<>> members;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    const Entry entry = read_entry(entries);
    check((entry.flags & 1) == 0, ErrorKind::model, origin, " is encrypted: member ", printable(entry.name));
    check(entry.method != 0 || entry.size == entry.stored_size, ErrorKind::model, origin, " is damaged: two sizes for member ", printable(entry.name));
    in.seek(entry.offset);
    check(in.number<uint32_t>() == local_signature, ErrorKind::model, origin, " is damaged: member ", printable(entry.name), " is not where the directory says");
    in.take(22);
    const auto name = in.number<uint16_t>(), extra = in.number<uint16_t>();
    check(in.text(name) == entry.name, ErrorKind::model, origin, " is damaged: member ", printable(entry.name), " has another name in its own header");
    in.take(extra);
    const bool fresh = members.emplace(entry.name, ZipMember{in.take(entry.stored_size), entry.method != 0}).second;
    check(fresh, ErrorKind::model, origin, " holds member ", printable(entry.name), " twice");
  }
  return members;
}

}  // namespace imagent
