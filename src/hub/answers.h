// What a hub's answers say. They are untrusted (docs: hub API; huggingface_hub file_download.py).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hub/http.h"

namespace imagent {

struct RemoteFile {
  std::string path;                   // safe: is_safe_path()
  std::optional<uint64_t> size = {};
};

struct Listing {
  std::string commit;                 // 40 hexadecimal digits
  std::vector<RemoteFile> files;
};

struct FileMetadata {
  std::string etag;                   // is_blob_name(); a SHA-256 for large files
  std::optional<uint64_t> size = {};
  std::string location;               // where the bytes are, perhaps signed and short-lived
};

// The JSON list of a repository's files. Errors: hub.
Listing read_listing(const std::string& body, const std::string& repository);

struct MetadataRequest {
  const std::string &url, &endpoint, &commit, &file;   // what was asked, and of whom
};
// The headers about one file, of an answer that is a success or a redirect. Errors: hub.
FileMetadata read_metadata(const HttpReply& reply, const MetadataRequest& request);

// An address at this endpoint: mirrors pass on addresses of the hub that they stand for.
std::string at_endpoint(const std::string& location, const std::string& endpoint);

}  // namespace imagent
