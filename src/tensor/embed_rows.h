// Rows of a table in host memory, for backends that leave their embedding tables there.
#pragma once
#include "tensor/backend.h"

namespace imagent {

// table [entries,C] of any float dtype -> to [ids,C] of the dtype, in host memory. The ids are entries.
void embed_rows(const HostView& table, std::span<const int32_t> ids, DType dtype, void* to);

}  // namespace imagent
