#include "base/atomic_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "support/golden.h"

namespace imagent {

namespace {

struct TemporaryFolder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / str("imagent-atomic-", getpid());
  TemporaryFolder() { std::filesystem::create_directory(path); }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(path)) out.push_back(entry.path().filename().string());
    return out;
  }
};

const std::vector<uint8_t> hello = {'h', 'e', 'l', 'l', 'o'};

std::string error_of(const std::filesystem::path& path) {
  try {
    write_file_atomically(path, hello);
  } catch (const Error& e) {
    EXPECT_EQ(e.kind, ErrorKind::io);
    return e.text;
  }
  return "no error";
}

}  // namespace

TEST(AtomicFile, WritesAndReplaces) {
  const TemporaryFolder folder;
  const auto path = folder.path / "a.txt";
  write_file_atomically(path, std::vector<uint8_t>(100000, 'x'));
  EXPECT_EQ(test::read_text(path), std::string(100000, 'x'));
  write_file_atomically(path, hello);
  EXPECT_EQ(test::read_text(path), "hello");
  write_file_atomically(path, {});
  EXPECT_EQ(test::read_text(path), "");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a.txt"});
}

TEST(AtomicFile, ErrorsNameThePathAndLeaveNothing) {
  const TemporaryFolder folder;
  const auto missing = folder.path / "no" / "x.png";
  EXPECT_EQ(error_of(missing), "cannot write " + missing.string() + ": No such file or directory");
  EXPECT_EQ(error_of(folder.path), "cannot write " + folder.path.string() + ": Is a directory");
  EXPECT_NE(error_of(folder.path / std::string(300, 'n')).find("File name too long"), std::string::npos);
  EXPECT_TRUE(folder.names().empty());
  write_file_atomically(folder.path / std::string(255, 'n'), hello);  // the longest name there is
}

TEST(AtomicFile, FollowsLinksAndWritesToDevices) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink("real.txt", folder.path / "link.txt");
  write_file_atomically(folder.path / "link.txt", hello);
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path / "link.txt"));
  EXPECT_EQ(test::read_text(folder.path / "real.txt"), "hello");
  write_file_atomically("/dev/null", hello);
  EXPECT_FALSE(std::filesystem::is_regular_file("/dev/null"));
}

TEST(AtomicFile, PermissionsFollowTheUmask) {
  const TemporaryFolder folder;
  const mode_t old = umask(027);
  write_file_atomically(folder.path / "a", hello);
  umask(old);
  struct stat status {};
  ASSERT_EQ(stat((folder.path / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST(AtomicFile, PiecesAppearTogether) {
  const TemporaryFolder folder;
  const auto path = folder.path / "a";
  {
    AtomicFile file(path);
    file.write(hello);
    EXPECT_FALSE(std::filesystem::exists(path));
    AtomicFile moved = std::move(file);
    moved.write(hello);
    moved.commit();
    EXPECT_EQ(test::read_text(path), "hellohello");
    AtomicFile dropped(path);
    dropped.write(hello);
  }
  EXPECT_EQ(test::read_text(path), "hellohello");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a"});
}

TEST(AtomicFolder, AppearsWholeAndReplaces) {
  const TemporaryFolder folder;
  const auto target = folder.path / "model";
  for (const char* name : {"first", "second"}) {
    AtomicFolder made(target / "");
    write_file_atomically(made.path() / name, hello);
    EXPECT_FALSE(std::filesystem::exists(target / name));
    made.commit();
    EXPECT_EQ(test::read_text(target / name), "hello");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(target), {}), 1);
  }
  { AtomicFolder dropped(target); }
  EXPECT_EQ(folder.names(), std::vector<std::string>{"model"});
  EXPECT_THROW(AtomicFolder(folder.path / "no" / "x"), Error);
}

}  // namespace imagent
