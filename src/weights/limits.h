// How much a weight file may claim before it is refused. Published models stay far below: SDXL has 2,600 tensors.
#pragma once
#include <cstddef>

namespace imagent {

constexpr size_t max_tensors = 50'000;
constexpr size_t max_metadata = 50'000;
constexpr size_t max_name_length = 256;

}  // namespace imagent
