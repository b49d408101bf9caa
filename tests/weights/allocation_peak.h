// Counts what operator new hands out, so that a test can say how much memory a call took at its peak.
#pragma once
#include <cstddef>

namespace imagent::test {

// From its making on: the most bytes that were in use beyond those at its making.
class AllocationPeak {
 public:
  AllocationPeak();
  size_t bytes() const;

 private:
  size_t start_;
};

}  // namespace imagent::test
