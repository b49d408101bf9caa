// Finding, opening and hashing LoRA files.
#include "pipeline/lora_library.h"

#include <algorithm>

#include "base/mapped_file.h"
#include "hub/digest.h"
#include "pipeline/field.h"
#include "weights/byte_reader.h"
#include "weights/open.h"

namespace imagent {

namespace fs = std::filesystem;

LoraLibrary::Entry& LoraLibrary::open(const fs::path& path) {
  constexpr size_t keep = 32;
  const FileStamp stamp = stamp_of(path);
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.path == path && entry.stamp == stamp; });
  if (found != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, found);
  } else {
    entries_.push_front({path.stem().string(), path, stamp, open_lora(path), ""});
    if (entries_.size() > keep) entries_.pop_back();
  }
  return entries_.front();
}

std::optional<fs::path> LoraLibrary::find(const std::string& name) const {
  const auto files = named_files(folder_);
  auto found = files.find(name);
  if (found == files.end()) {  // with its ending
    found = files.find(fs::path(name).stem().string());
    if (found != files.end() && found->second.filename() != name) found = files.end();
  }
  return found == files.end() ? std::nullopt : std::optional(found->second);
}

std::optional<fs::path> LoraLibrary::find_path_or_name(const std::string& text) const {
  std::error_code error;
  return paths_ && fs::is_regular_file(text, error) ? fs::path(text) : find(text);
}

LoraLibrary::Entry& LoraLibrary::named(const std::string& name) {
  if (const auto path = find(name)) return open(*path);
  check(!folder_.empty(), ErrorKind::usage, "there is no LoRA ", quoted(name), ": no folder of LoRAs is given (--lora-dir)",
        paths_ ? ", and no such file exists" : "");
  const std::string nearest = nearest_name(name, names_in(folder_));
  fail(ErrorKind::usage, "there is no LoRA ", quoted(name), " in ", folder_.string(), nearest.empty() ? "" : "; did you mean " + nearest + "?");
}

LoraLibrary::Entry& LoraLibrary::path_or_name(const std::string& text) {
  const auto path = find_path_or_name(text);
  return path ? open(*path) : named(text);
}

const std::string& LoraLibrary::hash(Entry& entry) {
  if (!entry.hash.empty()) return entry.hash;
  const auto file = MappedFile::open(entry.path, ErrorKind::model);
  std::span<const std::byte> data = file->bytes();
  if (const WeightFormat* format = weight_format_of(entry.path); format && format->name == "safetensors") {
    ByteReader reader(data, entry.path.string());
    reader.take(reader.number<uint64_t>());
    data = data.subspan(reader.at());
  }
  constexpr size_t short_hash = 12;
  return entry.hash = sha256_of(data).substr(0, short_hash);
}

}  // namespace imagent
