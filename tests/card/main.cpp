// The verbs' tests of tests/cuda on a real card: exit code 77, "skipped", where there is none.
#include <gtest/gtest.h>

#include <iostream>

#include "cuda/card.h"
#include "support/devices.h"

namespace imagent::test {

Backend& card() { return backend("cuda"); }
void set_disorder(unsigned) {}

}  // namespace imagent::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const std::string why = imagent::test::missing_device("cuda");
  if (why.empty()) return RUN_ALL_TESTS();
  std::cout << "[  SKIPPED ] cuda: " << why << "\n";
  return 77;
}
