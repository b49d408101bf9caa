// Which type each tensor of a converted model gets.
#pragma once
#include <string>
#include <vector>

#include "pipeline/convert.h"
#include "weights/write.h"

namespace imagent {

class TypeRule {
 public:
  // Errors: usage, when no such type can be written to this target, with what would be right.
  TypeRule(const std::string& dtype, ConvertTarget target);

  // By the tensor's name in the original naming.
  StoredType type_of(const std::string& name, const TensorView& tensor) const;

 private:
  ConvertTarget target_;
  bool keep_ = false;
  StoredType wanted_;
};

}  // namespace imagent
