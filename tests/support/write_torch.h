// Writing small PyTorch checkpoints in tests: a zip archive with a pickle and the storages, as torch.save writes them, and
// the layout before it (torch/serialization.py: _save, _legacy_save).
#pragma once
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "weights/source.h"

namespace imagent::test {

// Opcodes of protocol 2, each with its operand.
class PickleWriter {
 public:
  void op(std::string_view opcode) { bytes_ += opcode; }
  void text(std::string_view text) {
    bytes_ += 'X';
    raw<uint32_t>(static_cast<uint32_t>(text.size()));
    bytes_ += text;
  }
  void integer(int64_t number) {
    bytes_ += 'J';
    raw<int32_t>(static_cast<int32_t>(number));
  }
  void name(const char* module, const char* name) { bytes_ += std::string("c") + module + "\n" + name + "\n"; }
  const std::string& bytes() const { return bytes_; }

 private:
  template <class T>
  void raw(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  std::string bytes_ = "\x80\x02";
};

class ZipWriter {
 public:
  explicit ZipWriter(const std::filesystem::path& path) : out_(path, std::ios::binary) {}
  void add(const std::string& name, std::string_view data) {
    const auto crc = static_cast<uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size())));
    std::string fields = std::string("\x14\0\0\0\0\0\0\0\0\0", 10) + number(crc) + number(data.size()) + number(data.size()) + number(name.size(), 2) + number(0, 2);
    central_ += "PK\x01\x02" + number(20, 2) + fields + number(0, 6) + number(0, 4) + number(static_cast<uint64_t>(out_.tellp())) + name;
    out_ << "PK\x03\x04" << fields << name << data;
    ++count_;
  }
  void finish() {
    const auto at = static_cast<uint64_t>(out_.tellp());
    out_ << central_ << "PK\x05\x06" << number(0) << number(count_, 2) << number(count_, 2) << number(central_.size()) << number(at) << number(0, 2) << std::flush;
  }

 private:
  static std::string number(uint64_t value, size_t bytes = 4) { return {reinterpret_cast<const char*>(&value), bytes}; }
  std::ofstream out_;
  std::string central_;
  uint64_t count_ = 0;
};

// _rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())
inline void pickle_tensor(PickleWriter& p, const TensorView& view, size_t key, bool legacy) {
  static const std::map<DType, const char*> storages = {{DType::f32, "FloatStorage"}, {DType::f16, "HalfStorage"}, {DType::bf16, "BFloat16Storage"}, {DType::i64, "LongStorage"}};
  p.name("torch._utils", "_rebuild_tensor_v2");
  p.op("((");
  p.text("storage");
  p.name("torch", storages.at(view.dtype));
  p.text(std::to_string(key));
  p.text("cpu");
  p.integer(view.shape.numel());
  p.op(legacy ? "NtQ" : "tQ");
  p.integer(0);
  int64_t stride = 1;
  std::vector<int64_t> strides;
  for (int axis = view.shape.rank(); axis-- > 0; stride *= view.shape[axis]) strides.insert(strides.begin(), stride);
  p.op("(");
  for (const int64_t length : view.shape) p.integer(length);
  p.op("t(");
  for (const int64_t step : strides) p.integer(step);
  p.op("t\x89");
  p.name("collections", "OrderedDict");
  p.op(")RtR");
}

inline void pickle_tensors(PickleWriter& p, const Source& source, bool legacy) {
  p.op("}(");
  size_t key = 0;
  for (const std::string& name : source.names()) {
    p.text(name);
    pickle_tensor(p, source.find(name).value(), key++, legacy);
  }
  p.op("u");
}

inline std::string bytes_of(const Source& source, const std::string& name) {
  const auto bytes = source.find(name)->bytes;
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline void write_torch(const std::filesystem::path& path, const Source& source) {
  ZipWriter zip(path);
  PickleWriter p;
  pickle_tensors(p, source, false);
  p.op(".");
  zip.add("archive/data.pkl", p.bytes());
  size_t key = 0;
  for (const std::string& name : source.names()) zip.add("archive/data/" + std::to_string(key++), bytes_of(source, name));
  zip.add("archive/version", "3\n");
  zip.finish();
}

// Before torch 1.6: pickles of a magic number, a version, the system, {"state_dict": ...} and the storages' keys; the storages.
inline void write_legacy_torch(const std::filesystem::path& path, const Source& source) {
  PickleWriter magic, version, system, object, keys;
  magic.op("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.");
  version.op("M\xe9\x03.");
  system.op("}");
  system.text("little_endian");
  system.op("\x88s.");
  object.op("}");
  object.text("state_dict");
  pickle_tensors(object, source, true);
  object.op("s.");
  keys.op("](");
  for (size_t key = 0; key < source.names().size(); ++key) keys.text(std::to_string(key));
  keys.op("e.");
  std::ofstream out(path, std::ios::binary);
  for (const PickleWriter* part : {&magic, &version, &system, &object, &keys}) out << part->bytes();
  for (const std::string& name : source.names()) {
    const int64_t count = source.find(name)->shape.numel();
    out.write(reinterpret_cast<const char*>(&count), sizeof count);
    out << bytes_of(source, name);
  }
}

}  // namespace imagent::test
