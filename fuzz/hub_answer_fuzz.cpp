// What a hub or a server that claims to be one sends: lines of a header, an empty line, a body; and the names users type.
#include "fuzz.h"
#include "hub/file_selection.h"
#include "hub/refusal.h"
#include "hub/url.h"

using namespace imagent;

namespace {

HttpReply reply_of(std::string_view text, uint8_t status) {
  constexpr long statuses[] = {200, 302, 401, 403, 404, 429, 500, 0};
  HttpReply reply{.status = statuses[status % 8]};
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.empty()) break;
    const size_t colon = line.find(':');
    if (colon != line.npos) reply.headers[lower_ascii(trim(line.substr(0, colon)))] = trim(line.substr(colon + 1));
  }
  reply.body = text;
  return reply;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string endpoint = "https://mirror.example", commit(40, 'c'), file = "unet/config.json";
  static const std::string url = endpoint + "/a/b/resolve/" + commit + "/" + file;
  fuzz::Input input(data, size);
  const uint8_t choice = input.byte();
  const HttpReply reply = reply_of(input.rest(), choice);
  const RepositoryId repository{.name = "a/b"};
  fuzz::expect_answer(size, [&] { read_metadata(reply, {.url = url, .endpoint = endpoint, .commit = commit, .file = file}); });
  fuzz::expect_answer(size, [&] {
    const Listing listing = read_listing(reply.body, repository.name);
    select_files(listing, repository, choice & 8);
  });
  fuzz::expect_answer(size, [&] { refuse(reply, {.endpoint = endpoint}, repository); });
  fuzz::expect_answer(size, [&] { asked_wait(reply); });
  const std::string text(input.rest());
  fuzz::expect_answer(size, [&] { parse_repository(text).folder_name(); });
  fuzz::expect_answer(size, [&] { resolve_url(url, at_endpoint(text, endpoint)); });
  return 0;
}
