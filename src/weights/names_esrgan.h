// Names of the tensors of ESRGAN's network (Wang et al. 2018) in its three spellings: ESRGAN's first release (model.1.sub.0...),
// its later one and BSRGAN (RRDB_trunk.0..., github.com/cszn/BSRGAN), Real-ESRGAN (body.0..., github.com/xinntao/Real-ESRGAN).
#pragma once
#include <string>
#include <vector>

#include "weights/rearranged.h"

namespace imagent {

// Real-ESRGAN's names of the tensors and where they lie in the file; names that nobody knows stay. `names`: sorted.
TensorTable esrgan_names(const std::vector<std::string>& names);

}  // namespace imagent
