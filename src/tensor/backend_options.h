// What a device is opened with. Program and plugins share it.
#pragma once
#include <optional>

#include "tensor/dtype.h"

namespace imagent {

struct BackendOptions {
  int threads = 0;                       // 0: all cores this process may use
  bool low_vram = false;                 // of a graphics card: weights stay with the host where there is no room for them
  std::optional<DType> linear = {};      // of a graphics card: what large linear layers multiply in, i8 or f8_e4m3; absent: in what all else computes in
};

}  // namespace imagent
