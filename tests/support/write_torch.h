// Writing small PyTorch checkpoints in tests: a zip archive with a pickle and the storages, as torch.save writes them.
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
    out_ << central_ << "PK\x05\x06" << number(0) << number(count_, 2) << number(count_, 2) << number(central_.size()) << number(at) << number(0, 2);
  }

 private:
  static std::string number(uint64_t value, size_t bytes = 4) { return {reinterpret_cast<const char*>(&value), bytes}; }
  std::ofstream out_;
  std::string central_;
  uint64_t count_ = 0;
};

inline void write_torch(const std::filesystem::path& path, const Source& source) {
  static const std::map<DType, const char*> storages = {{DType::f32, "FloatStorage"}, {DType::f16, "HalfStorage"}, {DType::bf16, "BFloat16Storage"}, {DType::i64, "LongStorage"}};
  ZipWriter zip(path);
  PickleWriter p;
  p.op("}(");
  size_t key = 0;
  for (const std::string& name : source.names()) {
    const auto view = source.find(name);
    p.text(name);
    p.name("torch._utils", "_rebuild_tensor_v2");
    p.op("((");
    p.text("storage");
    p.name("torch", storages.at(view->dtype));
    p.text(std::to_string(key++));
    p.text("cpu");
    p.integer(view->shape.numel());
    p.op("tQ");
    p.integer(0);
    int64_t stride = 1;
    std::vector<int64_t> strides;
    for (int axis = view->shape.rank(); axis-- > 0; stride *= view->shape[axis]) strides.insert(strides.begin(), stride);
    p.op("(");
    for (const int64_t length : view->shape) p.integer(length);
    p.op("t(");
    for (const int64_t step : strides) p.integer(step);
    p.op("t\x89");
    p.name("collections", "OrderedDict");
    p.op(")RtR");
  }
  p.op("u.");
  zip.add("archive/data.pkl", p.bytes());
  key = 0;
  for (const std::string& name : source.names()) {
    const auto bytes = source.find(name)->bytes;
    zip.add("archive/data/" + std::to_string(key++), {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  zip.add("archive/version", "3\n");
  zip.finish();
}

}  // namespace imagent::test
