// A fast backend derives from the plain loops: none of a model's ops may end up there.
#include "pipeline/engine.h"
#include "reference/reference_backend.h"
#include "support/devices.h"

namespace imagent::test {
namespace {

TEST(FastPath, CpuNeverFallsBackToPlainLoops) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    Engine engine({.device = "cpu", .threads = 0, .builtin_model = source_dir() / "models/demo"});
    if (!engine.backend().supports(dtype)) continue;
    for (const char* model : {"", "sd15", "sd21", "sdxl", "sd15-lcm", "sd15-tiny"}) {
      Request r;
      r.prompt = "a tree";
      r.model = *model ? golden(str("models/", model)).string() : "";
      r.width = r.height = 64;
      r.steps = 2;
      r.dtype = dtype;
      if (r.model.ends_with("/sd15")) {
        const std::string adapters = golden("image_adapters").string();
        const auto picture = std::make_shared<const Image>(64, 48, 3);
        r.controls.push_back({.model = adapters + "/t2i-sd15", .image = picture});
        for (const char* file : {"/ip-sd15.safetensors", "/ip-sd15-plus.bin", "/ip-sd15-full.safetensors"}) r.ip_adapters.push_back({.model = adapters + file, .image = picture});
      }
      engine.generate(r);
      EXPECT_EQ(dynamic_cast<ReferenceBackend&>(engine.backend()).reference_calls(), 0) << model << " " << name_of(dtype);
    }
  }
}

}  // namespace
}  // namespace imagent::test
