// Three exchanges. Answers are untrusted: see answers.h.
#include "hub/client.h"

#include <algorithm>

#include "base/printable.h"
#include "hub/refusal.h"
#include "hub/url.h"

namespace imagent {
namespace {

constexpr int most_redirects = 8;
constexpr size_t largest_listing = size_t{3} << 20;   // some 10,000 files

}  // namespace

HubClient::HubClient(const HubSettings& settings, const Clock& clock, std::function<bool()> cancelled)
    : settings_(settings), clock_(clock), cancelled_(std::move(cancelled)), http_(cancelled_) {}

void HubClient::authorize(HttpRequest& request) const {
  std::erase_if(request.headers, [](const std::string& line) { return line.starts_with("Authorization:"); });
  if (!settings_.token.empty() && origin_of(request.url) == origin_of(settings_.endpoint)) request.headers.push_back("Authorization: Bearer " + settings_.token);
}

HttpReply HubClient::follow(HttpRequest request, const Follow& may_follow) {
  for (int hop = 0; hop <= most_redirects; ++hop) {
    authorize(request);
    HttpReply reply = http_.perform(request);
    const std::string location = at_endpoint(reply.header("location"), settings_.endpoint);
    if (!reply.is_redirect() || location.empty() || !may_follow(location)) return reply;
    const std::string next = resolve_url(request.url, location);
    check(!next.empty(), ErrorKind::hub, origin_of(request.url), " redirects to what is no address: \"", printable(location), "\"");
    check(next.starts_with("https://") || !request.url.starts_with("https://"), ErrorKind::hub, origin_of(request.url), " redirects from https to http, which is not followed");
    request.url = next;
  }
  fail(ErrorKind::hub, "endless redirect: ", origin_of(request.url), " still redirects after ", most_redirects, " steps");
}

HttpReply HubClient::with_retries(const HttpRequest& request, const Follow& may_follow) {
  Backoff backoff(clock_, cancelled_, settings_.retries);
  for (;;) {
    HttpReply reply = follow(request, may_follow);
    if (!is_transient(reply) || !backoff.wait(reply)) return reply;
  }
}

Listing HubClient::list(const RepositoryId& repository) {
  const std::string url = settings_.endpoint + "/api/models/" + percent_quote(repository.name, "/") + "/revision/" + percent_quote(repository.revision) + "?blobs=true";
  const HttpReply reply = with_retries({.url = url, .timeout = std::max(60.0, settings_.metadata_timeout), .stall_timeout = settings_.metadata_timeout, .largest_body = largest_listing},
                                       [](const std::string&) { return true; });
  if (reply.status != 200 || !reply.failure.empty()) refuse(reply, settings_, repository);
  return read_listing(reply.body, repository.name);
}

FileMetadata HubClient::metadata(const RepositoryId& repository, const std::string& commit) {
  const std::string url = settings_.endpoint + "/" + percent_quote(repository.name, "/") + "/resolve/" + commit + "/" + percent_quote(repository.file, "/");
  const HttpReply reply = with_retries({.url = url, .head_only = true, .headers = {"Accept-Encoding: identity"}, .timeout = settings_.metadata_timeout}, is_relative_url);
  const bool found = reply.status == 200 || (reply.is_redirect() && !reply.header("location").empty());
  if (!found || !reply.failure.empty()) refuse(reply, settings_, repository);
  return read_metadata(reply, {.url = url, .endpoint = settings_.endpoint, .commit = commit, .file = repository.file});
}

HttpReply HubClient::get_bytes(const std::string& location, uint64_t offset, const std::function<void(const HttpReply&, std::string_view)>& sink) {
  HttpRequest request{.url = location, .headers = {"Accept-Encoding: identity"}, .stall_timeout = settings_.download_timeout, .sink = sink};
  if (offset > 0) request.headers.push_back(str("Range: bytes=", offset, "-"));
  return follow(std::move(request), [](const std::string&) { return true; });
}

}  // namespace imagent
