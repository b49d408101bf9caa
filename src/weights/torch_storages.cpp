// Finds the pickle and the storages of a checkpoint (torch/serialization.py: _load, _legacy_load).
#include "weights/torch_storages.h"

#include <algorithm>

#include "weights/byte_reader.h"
#include "weights/zip.h"

namespace imagent {
namespace {

// Pickled 0x1950a86a20f9469cfc6c and 1001: how the legacy layout starts.
constexpr std::string_view legacy_magic("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 13);

TorchContent read_archive(std::span<const std::byte> file, const std::string& origin) {
  const auto members = read_zip(file, origin);
  const auto main = std::find_if(members.begin(), members.end(), [](const auto& m) { return m.first == "data.pkl" || m.first.ends_with("/data.pkl"); });
  check(main != members.end(), ErrorKind::model, origin, " is a zip archive without data.pkl: it is no checkpoint of PyTorch");
  const std::string top = main->first.substr(0, main->first.size() - std::string_view("data.pkl").size());
  const auto stored = [&](const std::string& name, const ZipMember& member) {
    check(!member.compressed, ErrorKind::model, origin, " is compressed (member ", printable(name),
          "): checkpoints are read in place, so it has to be a zip archive without compression");
    return member.bytes;
  };
  const auto order = members.find(top + "byteorder");
  if (order != members.end()) {
    const auto text = stored(order->first, order->second);
    const std::string_view name(reinterpret_cast<const char*>(text.data()), text.size());
    check(name == "little", ErrorKind::model, origin, " was written with byte order ", printable(name), ": only little is read");
  }
  TorchContent content;
  size_t length = 0;
  content.pickle = read_pickle(stored(main->first, main->second), origin, length);
  for (const auto& [name, member] : members)
    if (name.starts_with(top + "data/")) content.storages.emplace(name.substr(top.size() + 5), stored(name, member));
  return content;
}

Pickle next_pickle(ByteReader& in, std::span<const std::byte> file) {
  size_t length = 0;
  Pickle pickle = read_pickle(file.subspan(in.at()), in.origin(), length);
  in.take(length);
  return pickle;
}

// Magic, protocol version and system each as a pickle; the object; the storages' keys as a pickled list; then each storage
// as its count of elements (64 bits) and the elements.
TorchContent read_legacy(std::span<const std::byte> file, const std::string& origin) {
  ByteReader in(file, origin);
  next_pickle(in, file);
  next_pickle(in, file);
  const Pickle system = next_pickle(in, file);
  const PickledValue* little = system.get(system.values[system.root], "little_endian");
  check(little && little->kind == PickledValue::Kind::boolean && little->first == 1, ErrorKind::model, origin, " was not written on a little-endian machine: only those files are read");
  TorchContent content{.pickle = next_pickle(in, file), .storages = {}};
  std::map<std::string_view, DType> dtypes;
  for (const PickledStorage& storage : content.pickle.storages) {
    check(storage.dtype.has_value(), ErrorKind::model, origin, " is damaged: storage ", printable(storage.key), " has no dtype");
    check(dtypes.emplace(storage.key, *storage.dtype).first->second == *storage.dtype, ErrorKind::model, origin, " is damaged: two dtypes for storage ", printable(storage.key));
  }
  const Pickle keys = next_pickle(in, file);
  const PickledValue& list = keys.values[keys.root];
  check(list.kind == PickledValue::Kind::list, ErrorKind::model, origin, " is damaged: it lists no storages");
  for (uint32_t at = list.first; at != Pickle::end; at = keys.entries[at].next) {
    const PickledValue& key = keys.values[keys.entries[at].value];
    const auto dtype = key.kind == PickledValue::Kind::text ? dtypes.find(keys.text(key)) : dtypes.end();
    check(dtype != dtypes.end(), ErrorKind::model, origin, " is damaged: it lists a storage that no tensor uses");
    const auto count = in.number<uint64_t>();
    check(count <= in.left() / size_of(dtype->second), ErrorKind::model, origin, " is truncated: storage ", printable(dtype->first), " of ", count, " elements does not fit in it");
    content.storages.emplace(dtype->first, in.take(count * size_of(dtype->second)));
  }
  return content;
}

}  // namespace

TorchContent read_torch_content(std::span<const std::byte> file, const std::string& origin) {
  const std::string_view start(reinterpret_cast<const char*>(file.data()), std::min<size_t>(file.size(), 64));
  if (start.starts_with("PK")) return read_archive(file, origin);
  if (start.find(legacy_magic) <= 2) return read_legacy(file, origin);
  size_t length = 0;
  if (start.starts_with("\x80")) read_pickle(file, origin, length);  // for a bare pickle that asks for more than data: says so
  fail(ErrorKind::model, origin, " is no checkpoint of PyTorch: it is neither a zip archive nor does it start with torch's magic number");
}

}  // namespace imagent
