// CLIP's byte-pair table.
#include "text/clip_table.h"

#include "text/gzip.h"

namespace imagent {

extern const char clip_table_gz[];  // made by cmake/embed.cmake
extern const size_t clip_table_gz_size;

const std::string& clip_bpe_table() {
  static const std::string table = gunzip(std::as_bytes(std::span(clip_table_gz, clip_table_gz_size)));
  return table;
}

}  // namespace imagent
