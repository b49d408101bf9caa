// The hub's HTTP interface: list of a repository's files, metadata of one, its bytes (docs: hub API; huggingface_hub file_download.py).
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hub/answers.h"
#include "hub/environment.h"
#include "hub/http.h"
#include "hub/repository.h"
#include "hub/retry.h"

namespace imagent {

// For one thread. Every method: Errors as refuse() has them, hub for answers that make no sense, cancelled.
class HubClient {
 public:
  HubClient(const HubSettings& settings, const Clock& clock, std::function<bool()> cancelled);

  Listing list(const RepositoryId& repository);
  // `repository.file` is the file that is asked for.
  FileMetadata metadata(const RepositoryId& repository, const std::string& commit);
  // One attempt to get bytes from `offset` on; redirects are followed, the token stays with the hub.
  HttpReply get_bytes(const std::string& location, uint64_t offset, const std::function<void(const HttpReply&, std::string_view)>& sink);

  const HubSettings& settings() const { return settings_; }
  const Clock& clock() const { return clock_; }
  const std::function<bool()>& cancelled() const { return cancelled_; }

 private:
  using Follow = std::function<bool(const std::string& location)>;
  HttpReply follow(HttpRequest request, const Follow& may_follow);
  HttpReply with_retries(const HttpRequest& request, const Follow& may_follow);
  void authorize(HttpRequest& request) const;

  const HubSettings& settings_;
  const Clock& clock_;
  std::function<bool()> cancelled_;
  Http http_;
};

}  // namespace imagent
