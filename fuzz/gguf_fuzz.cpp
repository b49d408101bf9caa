// GGUF files.
#include "fuzz.h"
#include "weights/gguf.h"

using namespace imagent;

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzz::MemoryFile file({reinterpret_cast<const char*>(data), size});
  fuzz::expect_answer(size, [&] { fuzz::read_all(*open_gguf(file.path())); });
  return 0;
}
