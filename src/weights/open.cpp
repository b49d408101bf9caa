// The list of weight formats: a new one is a row here.
#include "weights/open.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "base/mapped_file.h"
#include "weights/gguf.h"
#include "weights/safetensors.h"
#include "weights/shards.h"
#include "weights/torch_checkpoint.h"

namespace imagent {
namespace {

std::string_view start_of(std::span<const std::byte> file) { return {reinterpret_cast<const char*>(file.data()), std::min<size_t>(file.size(), 64)}; }

// A header's length, of which the upper half is zero, and then the header: no JSON text looks like this.
bool is_safetensors(std::span<const std::byte> file) {
  const std::string_view start = start_of(file);
  return start.size() > 8 && start.substr(4, 4) == std::string_view("\0\0\0\0", 4) && start[8] == '{';
}
bool is_gguf(std::span<const std::byte> file) { return start_of(file).starts_with("GGUF"); }
bool is_torch(std::span<const std::byte> file) { return start_of(file).starts_with("PK\x03\x04") || start_of(file).starts_with("\x80"); }
bool is_index(std::span<const std::byte> file) { return trim(start_of(file)).starts_with("{"); }

constexpr WeightFormat formats[] = {
    {"safetensors", is_safetensors, open_safetensors},
    {"gguf", is_gguf, open_gguf},
    {"torch", is_torch, open_torch_checkpoint},
    {"index of shards", is_index, open_shards},
};

const WeightFormat* recognise(std::span<const std::byte> file) {
  const auto* found = std::find_if(std::begin(formats), std::end(formats), [&](const WeightFormat& format) { return format.recognise(file); });
  return found == std::end(formats) ? nullptr : found;
}

}  // namespace

std::span<const WeightFormat> weight_formats() { return formats; }

const WeightFormat* weight_format_of(const std::filesystem::path& path) { return recognise(MappedFile::open(path, ErrorKind::model)->bytes()); }

std::shared_ptr<const Source> open_weights(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path, ErrorKind::model);
  if (const WeightFormat* format = recognise(file->bytes())) return format->open(path);
  check(!file->bytes().empty(), ErrorKind::model, path.string(), " is empty");
  check(!start_of(file->bytes()).starts_with("version https://git-lfs"), ErrorKind::model, path.string(),
        " is only a pointer of Git LFS: the weights themselves were not downloaded (git lfs pull)");
  fail(ErrorKind::model, path.string(), " is no weight file: its content is neither safetensors nor GGUF nor a checkpoint of PyTorch nor an index of shards");
}

}  // namespace imagent
