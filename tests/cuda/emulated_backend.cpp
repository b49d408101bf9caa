// In this program the only device is the emulated one: tests that run on every backend run on it.
#include "emulated_backend.h"

#include "cuda/card.h"
#include "support/devices.h"

namespace imagent::test {

cuda::CudaBackend& emulated_cuda() {
  static cuda::CudaBackend backend;
  return backend;
}

Backend& card() { return emulated_cuda(); }
void set_disorder(unsigned disorder) { emulation::disorder = disorder; }

std::vector<std::string> backend_names() { return {"emulated_cuda"}; }
Backend& backend(const std::string&) { return emulated_cuda(); }
std::string missing_device(const std::string&) { return ""; }

}  // namespace imagent::test
