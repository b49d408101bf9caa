// A tokenizer's folder: the pieces of an input, parted by a line "====", are its four files.
#include <unistd.h>

#include <fstream>

#include "fuzz.h"
#include "text/tokenizer.h"

using namespace imagent;

namespace {

const std::filesystem::path& folder() {
  static const std::filesystem::path folder = [] {
    const auto path = std::filesystem::temp_directory_path() / str("imagent_vocabulary_fuzz_", getpid());
    std::filesystem::create_directories(path);
    std::atexit([] { std::filesystem::remove_all(::folder()); });
    return path;
  }();
  return folder;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr std::string_view separator = "\n====\n";
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  for (const char* name : {"vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"}) {
    const size_t end = rest.find(separator);
    std::ofstream(folder() / name, std::ios::binary) << rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + separator.size());
  }
  fuzz::expect_answer(size, [] {
    const ClipTokenizer tokenizer = ClipTokenizer::from_folder(folder());
    tokenizer.pieces(tokenizer.encode("a red House, by the sea!<|endoftext|> 42"));
  });
  return 0;
}
