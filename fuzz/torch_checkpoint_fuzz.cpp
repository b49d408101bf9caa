// PyTorch checkpoints: whole files, and any bytes as the pickle of an archive with two storages, because a fuzzer hardly
// gets through a zip archive's directory.
#include "fuzz.h"
#include "support/write_torch.h"
#include "weights/torch_checkpoint.h"

using namespace imagent;

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  const auto read = [&](const fuzz::MemoryFile& file) {
    fuzz::expect_answer(size, [&] { fuzz::read_all(*open_torch_checkpoint(file.path())); });
  };
  read(fuzz::MemoryFile(content));
  if (content.starts_with("PK")) return 0;
  const fuzz::MemoryFile archive("");
  test::ZipWriter zip(archive.path());
  zip.add("a/data.pkl", content);
  for (const char* storage : {"a/data/0", "a/data/1"}) zip.add(storage, std::string(64, '\x3f'));
  zip.finish();
  read(archive);
  return 0;
}
