// A tensor's bytes in another type, piece by piece.
#pragma once
#include "weights/write.h"

namespace imagent {

// Finds the planned tensor in `source`, converts it and writes it. Errors: as of write_safetensors().
void encode_tensor(AtomicFile& file, const PlannedTensor& tensor, const Source& source, const WroteBytes& wrote);

}  // namespace imagent
