// Tests that run on every backend this machine has, and move PyTorch's layouts to ours.
#pragma once
#include <gtest/gtest.h>

#include "backends.h"
#include "ops/ops.h"
#include "support/golden.h"

namespace imagent::test {

// The backend of that name, made once for the whole test program.
Backend& backend(const std::string& name);
// "" or why this machine has no such device.
std::string missing_device(const std::string& name);
std::vector<std::string> backend_names();

// [N,C,H,W] -> [N,H,W,C] and back, on the host.
Array to_channels_last(const Array& planar);
std::vector<float> to_planar(const Tensor& channels_last);

Tensor upload(Backend& backend, const Array& array, DType dtype = DType::f32);
inline Tensor upload_picture(Backend& backend, const Array& planar, DType dtype = DType::f32) { return upload(backend, to_channels_last(planar), dtype); }
HostView host_view(const Array& array);
NormParams norm_params(Backend& backend, const Array& gamma, const Array& beta, float eps);

// A parameterised test body runs once a backend; its name ends with the backend's. A device that is not here is skipped.
class OnEveryBackend : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (const std::string why = missing_device(GetParam()); !why.empty()) GTEST_SKIP() << GetParam() << ": " << why;
  }
  Backend& device() { return backend(GetParam()); }
};
#define IMAGENT_ON_EVERY_BACKEND(Suite) \
  INSTANTIATE_TEST_SUITE_P(Backends, Suite, testing::ValuesIn(imagent::test::backend_names()), [](const auto& info) { return info.param; })

}  // namespace imagent::test
