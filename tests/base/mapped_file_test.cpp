// Mapped files that somebody writes to, cuts short or replaces while they are read.
#include "base/mapped_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "support/scratch.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

constexpr size_t page = 4096;

fs::path written(const fs::path& path, char what, size_t bytes = 3 * page) {
  std::ofstream(path, std::ios::binary) << std::string(bytes, what);
  return path;
}

char at(const MappedFile& file, size_t index) { return static_cast<char>(file.bytes()[index]); }

TEST(MappedFile, ReadsZerosWhereAFileWasCutShort) {
  const Scratch folder;
  const auto file = MappedFile::open(written(folder / "a", 'a'), ErrorKind::model), other = MappedFile::open(written(folder / "b", 'b'), ErrorKind::io);
  EXPECT_TRUE(file->is_unchanged());
  fs::resize_file(folder / "a", page);
  EXPECT_EQ(at(*file, 10), 'a');
  EXPECT_EQ(at(*file, page + 10), 0);
  EXPECT_EQ(at(*file, 2 * page + 10), 0);
  EXPECT_FALSE(file->is_unchanged());
  EXPECT_THROW(file->check_unchanged(), Error);
  EXPECT_THROW(file->release(file->bytes()), Error);
  written(folder / "a", 'a');
  EXPECT_FALSE(file->is_unchanged()) << "what was missing once may have been read";
  EXPECT_EQ(at(*other, 2 * page), 'b');
  EXPECT_TRUE(other->is_unchanged());
}

TEST(MappedFile, KnowsThatItWasWrittenTo) {
  const Scratch folder;
  const auto file = MappedFile::open(written(folder / "a", 'a'), ErrorKind::model);
  const auto before = fs::last_write_time(folder / "a");
  written(folder / "a", 'b');
  fs::last_write_time(folder / "a", before + std::chrono::seconds(1));  // clocks of file systems tick slowly
  EXPECT_FALSE(file->is_unchanged());
}

TEST(MappedFile, KeepsItsBytesWhenAnotherFileTakesThePlace) {
  const Scratch folder;
  const auto file = MappedFile::open(written(folder / "a", 'a'), ErrorKind::model);
  fs::rename(written(folder / "b", 'b'), folder / "a");
  EXPECT_EQ(at(*file, 2 * page), 'a');
  EXPECT_TRUE(file->is_unchanged());
  fs::remove(folder / "a");
  EXPECT_EQ(at(*file, page), 'a');
  EXPECT_TRUE(file->is_unchanged());
}

TEST(MappedFile, GuardsServeOneMappingAfterTheOther) {
  const Scratch folder;
  written(folder / "a", 'a');
  for (int i = 0; i < 100; ++i) {
    const auto file = MappedFile::open(folder / "a", ErrorKind::model);
    ASSERT_TRUE(file->is_unchanged());
  }
  const auto file = MappedFile::open(folder / "a", ErrorKind::model);
  fs::resize_file(folder / "a", 0);
  EXPECT_EQ(at(*file, 0), 0);
  EXPECT_FALSE(file->is_unchanged());
}

}  // namespace
}  // namespace imagent::test
