// In this program the only device is the emulated one: tests that run on every backend run on it.
#include "emulated_backend.h"

#include "support/devices.h"

namespace imagent::test {

cuda::CudaBackend& emulated_cuda() {
  static cuda::CudaBackend backend;
  return backend;
}

Error error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return {ErrorKind::internal, "none"};
}

std::vector<std::string> backend_names() { return {"emulated_cuda"}; }
Backend& backend(const std::string&) { return emulated_cuda(); }
std::string missing_device(const std::string&) { return ""; }

}  // namespace imagent::test
