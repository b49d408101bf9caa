// The fake hub as a program: serves the files of a folder as org/model, says where, and ends when standard input does.
#include <cstdio>

#include "hub/fake_hub.h"

int main(int count, char** values) {
  if (count != 2) return 2;
  imagent::test::FakeHub hub;
  hub.add_folder(values[1]);
  std::printf("%s\n", hub.endpoint().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
