// Every name, size and address is checked before it is used.
#include "hub/answers.h"

#include "base/printable.h"
#include "hub/json_text.h"
#include "hub/repository.h"
#include "hub/url.h"

namespace imagent {
namespace {

constexpr size_t most_files = 200000;
constexpr uint64_t largest_size = uint64_t{1} << 50;

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

std::optional<uint64_t> size_of(const HttpReply& reply, const std::string& file) {
  std::optional<uint64_t> size = reply.number("x-linked-size");
  if (!size && !reply.is_redirect()) size = reply.number("content-length");
  check(!size || *size <= largest_size, ErrorKind::hub, "the hub's answer for ", file, " has no sane size");
  return size;
}

}  // namespace

std::string at_endpoint(const std::string& location, const std::string& endpoint) {
  const std::string hub = "https://huggingface.co";
  const bool names_hub = location == hub || location.starts_with(hub + "/");
  return names_hub && endpoint != hub ? endpoint + location.substr(hub.size()) : location;
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

FileMetadata read_metadata(const HttpReply& reply, const MetadataRequest& request) {
  check(reply.header("x-repo-commit") == request.commit, ErrorKind::hub, "the hub's answer for ", request.file, " is not of commit ", request.commit,
        " (X-Repo-Commit: \"", printable(reply.header("x-repo-commit")), "\"): is ", request.endpoint, " a hub?");
  FileMetadata metadata{.etag = valid_etag(reply, request.file), .size = size_of(reply, request.file), .location = request.url};
  if (!reply.is_redirect()) return metadata;
  metadata.location = resolve_url(request.url, at_endpoint(reply.header("location"), request.endpoint));
  check(!metadata.location.empty(), ErrorKind::hub, "the hub sends ", request.file, " to what is no address");
  return metadata;
}

}  // namespace imagent
