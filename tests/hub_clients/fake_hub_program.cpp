// The fake hub as a program, FOLDER [PAUSE]: serves the files of a folder as org/model, with a pause in seconds before every
// 1000 bytes of large ones; says where, and ends when standard input does.
#include <cstdio>
#include <cstdlib>

#include "hub/fake_hub.h"

int main(int count, char** values) {
  if (count != 2 && count != 3) return 2;
  imagent::test::FakeHub hub;
  hub.add_folder(values[1]);
  const double pause = count == 3 ? std::atof(values[2]) : 0;
  hub.tamper = [pause](const imagent::test::FakeRequest& request, imagent::test::FakeReply& reply) {
    if (request.content_network) reply.pause = pause;
  };
  std::printf("%s\n", hub.endpoint().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
