// Three exchanges. Answers are untrusted: every name, size and address is checked before it is used.
#include "hub/client.h"

#include <algorithm>

#include "hub/json_text.h"
#include "hub/refusal.h"
#include "hub/url.h"

namespace imagent {
namespace {

constexpr int most_redirects = 8;
constexpr size_t largest_listing = size_t{32} << 20, most_files = 200000;
constexpr uint64_t largest_size = uint64_t{1} << 50;

// Mirrors pass on addresses of the hub that they stand for.
std::string rewrite(const std::string& location, const std::string& endpoint) {
  const std::string hub = "https://huggingface.co";
  const bool names_hub = location == hub || location.starts_with(hub + "/");
  return names_hub && endpoint != hub ? endpoint + location.substr(hub.size()) : location;
}

std::string valid_etag(const HttpReply& reply, const std::string& file) {
  std::string etag = reply.header("x-linked-etag");
  if (etag.empty()) etag = reply.header("etag");
  if (etag.starts_with("W/")) etag.erase(0, 2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
  check(is_blob_name(etag), ErrorKind::hub, "the hub's answer for ", file, " has ", etag.empty() ? "no ETag" : "an ETag that cannot name a file");
  return etag;
}

RemoteFile read_file_entry(const nlohmann::json& entry, const std::string& repository) {
  RemoteFile file{.path = text_at(entry, "rfilename")};
  check(is_safe_path(file.path), ErrorKind::hub, "the hub's list of ", repository, " has a file whose name is not allowed: \"", printable(file.path), "\"");
  const auto size = entry.find("size");
  if (size == entry.end() || size->is_null()) return file;
  check(size->is_number_unsigned() && size->get<uint64_t>() <= largest_size, ErrorKind::hub, "the hub's list of ", repository, " has no sane size for ", file.path);
  file.size = size->get<uint64_t>();
  return file;
}

Listing read_listing(const std::string& body, const std::string& repository) {
  const std::string origin = "the hub's list of " + repository;
  const nlohmann::json answer = parse_json(body, origin, ErrorKind::hub);
  Listing listing{.commit = text_at(answer, "sha"), .files = {}};
  check(is_commit(listing.commit), ErrorKind::hub, origin, " names no commit");
  const auto files = answer.find("siblings");
  check(files != answer.end() && files->is_array() && files->size() <= most_files, ErrorKind::hub, origin, " has no array \"siblings\" of sane length");
  for (const auto& entry : *files) listing.files.push_back(read_file_entry(entry, repository));
  return listing;
}

std::optional<uint64_t> size_of(const HttpReply& reply, const std::string& file) {
  std::optional<uint64_t> size = reply.number("x-linked-size");
  if (!size && !reply.is_redirect()) size = reply.number("content-length");
  check(!size || *size <= largest_size, ErrorKind::hub, "the hub's answer for ", file, " has no sane size");
  return size;
}

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
    const std::string location = rewrite(reply.header("location"), settings_.endpoint);
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
  check(reply.header("x-repo-commit") == commit, ErrorKind::hub, "the hub's answer for ", repository.file, " is not of commit ", commit,
        " (X-Repo-Commit: \"", printable(reply.header("x-repo-commit")), "\"): is ", settings_.endpoint, " a hub?");
  FileMetadata metadata{.etag = valid_etag(reply, repository.file), .size = size_of(reply, repository.file), .location = url};
  if (!reply.is_redirect()) return metadata;
  metadata.location = resolve_url(url, rewrite(reply.header("location"), settings_.endpoint));
  check(!metadata.location.empty(), ErrorKind::hub, "the hub sends ", repository.file, " to what is no address");
  return metadata;
}

HttpReply HubClient::get_bytes(const std::string& location, uint64_t offset, const std::function<void(const HttpReply&, std::string_view)>& sink) {
  HttpRequest request{.url = location, .headers = {"Accept-Encoding: identity"}, .stall_timeout = settings_.download_timeout, .sink = sink};
  if (offset > 0) request.headers.push_back(str("Range: bytes=", offset, "-"));
  return follow(std::move(request), [](const std::string&) { return true; });
}

}  // namespace imagent
