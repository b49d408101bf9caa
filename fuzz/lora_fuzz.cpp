// Adapters of weights and textual inversion, which come in any format of weight files.
#include "fuzz.h"
#include "weights/embedding_file.h"
#include "weights/lora_file.h"
#include "weights/open.h"

using namespace imagent;

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzz::MemoryFile file({reinterpret_cast<const char*>(data), size});
  fuzz::expect_answer(size, [&] { open_lora(file.path()); });
  fuzz::expect_answer(size, [&] { read_embedding(*open_weights(file.path())); });
  return 0;
}
