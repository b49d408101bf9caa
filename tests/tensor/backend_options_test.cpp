// Linear layers in 8 bits are refused where there is no card for them.
#include "tensor/backend_options.h"

#include <gtest/gtest.h>

#include "backends.h"

namespace imagent::test {
namespace {

// "" or what is said against the device with these options.
std::string refusal(const std::string& device, const BackendOptions& options) {
  try {
    make_backend(device, options);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::unsupported);
    return error.text;
  }
}

TEST(BackendOptions, LinearIsForCards) {
  for (const std::string device : {"cpu", "reference"}) {
    EXPECT_EQ(refusal(device, {.threads = 1, .linear = DType::i8}), "--linear int8 is for NVIDIA cards: the device " + device + " computes all layers in one type");
    EXPECT_EQ(refusal(device, {.threads = 1, .linear = DType::f8_e4m3}).find("--linear fp8 is for NVIDIA cards: "), 0u);
    EXPECT_EQ(refusal(device, {.threads = 1}), "");
  }
}

TEST(BackendOptions, WithoutACardTheFastestDeviceRefusesThemToo) {
  const std::string why = refusal("cuda", {});
  if (why.empty()) GTEST_SKIP() << "there is a card";
  EXPECT_EQ(refusal("auto", {.threads = 1, .linear = DType::i8}), "--linear int8 is for NVIDIA cards: " + why);
  EXPECT_EQ(refusal("auto", {.threads = 1}), "");
}

}  // namespace
}  // namespace imagent::test
