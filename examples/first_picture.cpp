// The smallest program: a sentence in, a picture out. Usage: first_picture "a red house by the sea" out.png
#include <imagent/imagent.h>

#include <iostream>

int main(int count, char** values) try {
  imagent::Engine engine;
  imagent::Request request{.prompt = count > 1 ? values[1] : "a red house by the sea at sunset"};
  const imagent::Run run = engine.generate(request);
  imagent::write_file_atomically(count > 2 ? values[2] : "out.png", imagent::encode_image(run.results[0].image));
  std::cout << "seed " << run.results[0].seed << "\n";
} catch (const imagent::Error& error) {
  std::cerr << error.text << "\n";
  return 1;
}
