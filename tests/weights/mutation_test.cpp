// Damaged and hostile files: thousands of mutations of good ones, with a fixed seed. Whatever the bytes are, opening a file
// and reading every tensor ends well or in an Error, and takes at most 4 times the file's size and 64 MB of memory.
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <random>

#include "weights/allocation_peak.h"
#include "weights/format_cases.h"
#include "weights/open.h"

namespace {

std::atomic<size_t> in_use{0}, most{0};

void* counted(void* memory) {
  if (!memory) throw std::bad_alloc();
  const size_t now = in_use += malloc_usable_size(memory);
  size_t before = most;
  while (before < now && !most.compare_exchange_weak(before, now)) {
  }
  return memory;
}

void given_back(void* memory) {
  if (!memory) return;
  in_use -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(size_t size) { return counted(std::malloc(size ? size : 1)); }
void* operator new(size_t size, std::align_val_t align) {
  const auto to = static_cast<size_t>(align);
  return counted(std::aligned_alloc(to, (size + to - 1) / to * to));
}
void operator delete(void* memory) noexcept { given_back(memory); }
void operator delete(void* memory, size_t) noexcept { given_back(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { given_back(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { given_back(memory); }

namespace imagent::test {

AllocationPeak::AllocationPeak() : start_(in_use) { most = start_; }
size_t AllocationPeak::bytes() const { return most - start_; }

namespace {

namespace fs = std::filesystem;

// A file that exists in memory only: thousands of them cost no disk.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& content) : file_(memfd_create("weights", 0)) {
    check(file_ >= 0 && write(file_, content.data(), content.size()) == static_cast<ssize_t>(content.size()), "no memory for a file");
  }
  ~MemoryFile() { close(file_); }
  fs::path path() const { return str("/proc/self/fd/", file_); }

 private:
  int file_;
};

class Mutation : public testing::TestWithParam<const char*> {
 protected:
  Mutation() : good_(read_text(golden(std::string("formats/") + GetParam()))) {}

  // Whether the file opened.
  bool survives(const std::string& content) {
    const MemoryFile file(content);
    const AllocationPeak peak;
    bool opened = false;
    try {
      const auto source = open_weights(file.path());
      for (const std::string& name : source->names()) try {
          const auto view = source->find(name);
          size_t sum = 0;
          for (const std::byte b : view->bytes) sum += static_cast<size_t>(b);
          EXPECT_LE(sum, SIZE_MAX);
        } catch (const Error& error) {
          EXPECT_EQ(error.kind, ErrorKind::unsupported) << error.text;
        }
      opened = true;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::model) << error.text;
      EXPECT_LT(error.text.size(), 1000u);
    }
    EXPECT_LE(peak.bytes(), content.size() * 4 + 64'000'000);
    return opened;
  }

  std::string good_;
};

TEST_P(Mutation, BytesFlipped) {
  std::mt19937 random(20240607);
  const auto below = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
  constexpr unsigned char telling[] = {0x00, 0x01, 0x7f, 0x80, 0xff, '0', '9', '[', '{', '.', 'R', 'h'};
  int opened = 0;
  constexpr int rounds = 1500;
  for (int round = 0; round < rounds && !HasFailure(); ++round) {
    std::string content = good_;
    for (size_t i = 1 + below(4); i-- > 0;) {
      // Headers stand at the start, a zip archive's directory at the end.
      const size_t window = std::min<size_t>(content.size(), below(2) ? content.size() : 2500), offset = below(window);
      char& byte = content[below(2) ? offset : content.size() - 1 - offset];
      byte = static_cast<char>(below(2) ? byte ^ 1 << below(8) : telling[below(std::size(telling))]);
    }
    opened += survives(content);
  }
  EXPECT_LT(opened, rounds);  // some are noticed
}

TEST_P(Mutation, PiecesMoved) {
  std::mt19937 random(7);
  const auto below = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
  for (int round = 0; round < 300 && !HasFailure(); ++round) {
    std::string content = good_;
    const std::string piece = content.substr(below(content.size()), 1 + below(64));
    content.replace(below(content.size()), below(64), piece);
    survives(content);
  }
}

TEST_P(Mutation, CutAnywhere) {
  EXPECT_TRUE(survives(good_));
  const size_t step = std::max<size_t>(1, good_.size() / 400);
  for (size_t length = 0; length < good_.size() && !HasFailure(); length += step) EXPECT_FALSE(survives(good_.substr(0, length))) << length << " bytes of " << good_.size();
}

INSTANTIATE_TEST_SUITE_P(Formats, Mutation,
                         testing::Values("pickle/ok_zip_nested.ckpt", "pickle/ok_legacy.ckpt", "pickle/ok_zip_protocol4.pt", "gguf/all_types.gguf",
                                         "safetensors/ok_all_dtypes.safetensors", "safetensors/ok_metadata.safetensors"),
                         [](const auto& info) {
                           std::string name = fs::path(info.param).filename().string();
                           for (char& c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           return name;
                         });

// What costs little in a file and could cost much in memory.
class Bomb : public testing::Test {
 protected:
  static std::string number(uint64_t value, size_t bytes) { return {reinterpret_cast<const char*>(&value), bytes}; }

  static void refused(const std::string& content) {
    const MemoryFile file(content);
    const AllocationPeak peak;
    EXPECT_THROW(open_weights(file.path()), Error);
    EXPECT_LE(peak.bytes(), content.size() * 4 + 64'000'000);
  }
};

TEST_F(Bomb, HeadersOfTinyThings) {
  const auto header = [](std::string json) { return number(json.size(), 8) + json; };
  std::string metadata = R"({"__metadata__":{)", numbers = R"({"w":{"dtype":"F32","shape":[)", tensors = "{";
  for (int i = 0; i < 400'000; ++i) metadata += str('"', i, R"(":"",)");
  for (int i = 0; i < 2'000'000; ++i) numbers += "1,";
  for (int i = 0; i < 120'000; ++i) tensors += str('"', i, R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)");
  refused(header(metadata + R"("x":""}})"));
  refused(header(numbers + "1]}}"));
  refused(header(tensors + R"("x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})"));
}

TEST_F(Bomb, PicklesOfTinyThings) {
  for (const char* piece : {"]", "}", ")", "(", "N", "K\x01", "]2", "}]]s", "](]]e", "ca\nb\n"}) {
    std::string content = "\x80\x02";
    while (content.size() < 3'000'000) content += piece;
    refused(content + ".");
  }
}

TEST_F(Bomb, GgufOfTinyThings) {
  std::string pairs = "GGUF" + number(3, 4) + number(0, 8) + number(50'000, 8);
  for (uint64_t i = 0; i < 49'999; ++i) pairs += number(4, 8) + number(i + 0x20202020, 4) + number(0, 4) + number(0, 1);
  refused(pairs);
  std::string tensors = "GGUF" + number(3, 4) + number(50'000, 8) + number(0, 8);
  for (uint64_t i = 0; i < 49'999; ++i) tensors += number(4, 8) + number(i + 0x20202020, 4) + number(0, 4) + number(0, 4) + number(0, 8);
  refused(tensors);
}

}  // namespace
}  // namespace imagent::test
