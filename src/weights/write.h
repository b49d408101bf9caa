// Writing weight files as a stream: what each tensor becomes is planned first, then one tensor after another is read,
// converted in pieces and written. Memory: the tensor that is read and one piece.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "weights/ggml_types.h"
#include "weights/source.h"

namespace imagent {

// How a tensor's elements are stored.
struct StoredType {
  DType dtype = DType::f32;
  const GgmlType* blocks = nullptr;  // quantised: these blocks, and no dtype

  uint64_t bytes(int64_t elements) const { return blocks ? static_cast<uint64_t>(elements) / blocks->block * blocks->bytes : static_cast<uint64_t>(elements) * size_of(dtype); }
  std::string_view name() const { return blocks ? blocks->name : name_of(dtype); }
};

struct PlannedTensor {
  std::string name;
  Shape shape;
  StoredType type;

  uint64_t bytes() const { return type.bytes(shape.numel()); }
};

struct WeightsPlan {
  std::vector<PlannedTensor> tensors;
  std::map<std::string, std::string> metadata;

  uint64_t bytes() const;  // of all tensors
};

// Called after each piece with its size in the file; may throw to stop.
using WroteBytes = std::function<void(uint64_t)>;

// Both write the planned tensors out of `source`, whose pages they release. Errors: io (disk full), model (a tensor that
// `source` lacks or has in another shape), unsupported (a type that the format lacks); whatever `wrote` throws.
void write_safetensors(AtomicFile& file, const WeightsPlan& plan, const Source& source, const WroteBytes& wrote);
void write_gguf(AtomicFile& file, const WeightsPlan& plan, const Source& source, const WroteBytes& wrote);

// The tensors in groups of at most `most` bytes each, in their order: the shards of a model. One group when all fit.
std::vector<WeightsPlan> sharded(const WeightsPlan& plan, uint64_t most);
// The text of an index: which of `files` holds the tensors of which plan.
std::string shard_index(const std::vector<WeightsPlan>& plans, const std::vector<std::string>& files);

}  // namespace imagent
