// safetensors files, and what the names and shapes in them say about a model.
#include "fuzz.h"
#include "pipeline/single_file.h"
#include "weights/safetensors.h"

using namespace imagent;

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzz::MemoryFile file({reinterpret_cast<const char*>(data), size});
  fuzz::expect_answer(size, [&] { fuzz::read_all(*open_safetensors(file.path())); });
  fuzz::expect_answer(size, [&] {
    const SingleFile model(file.path(), {});
    model.model_config("");
    for (const char* part : {"unet", "vae", "text_encoder", "text_encoder_2"})
      if (model.has(part)) fuzz::read_all(*model.weights(part, false));
  });
  return 0;
}
