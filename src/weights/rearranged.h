// A decorator over a Source: other names for its tensors, and other arrangements of them.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "weights/source.h"

namespace imagent {

// How a tensor lies in a file that arranges it in its own way.
enum class Layout {
  same,
  kernel_1x1,  // [o,i,1,1], read as [o,i]
  half,        // rows of two tensors that were stacked
  third,       // of three
  transposed,  // [i,o], read as [o,i]
};

struct StoredTensor {
  std::string name;  // in the file
  Layout layout = Layout::same;
  int part = 0;      // of a half: 0 or 1; of a third: 0, 1 or 2

  bool operator==(const StoredTensor&) const = default;
};

// Own name -> where it lies.
using TensorTable = std::map<std::string, StoredTensor>;

// The tensors of `table`, out of `source`; all others are left out. Only transposed ones are copied.
// Errors: model, when a tensor does not have the axes that its layout wants.
std::shared_ptr<const Source> rearranged(std::shared_ptr<const Source> source, TensorTable table);

// The way back: the tensors of parts as a file holds them whose tables these are, by part. Stacked and transposed ones are
// copied when they are asked for. Errors of find(): model, for a stack that lacks a part or has unequal ones.
std::shared_ptr<const Source> assembled(const std::map<std::string, std::shared_ptr<const Source>>& parts, const std::map<std::string, TensorTable>& tables);

}  // namespace imagent
