// The cache folder that hub clients share: blobs, refs, snapshots, .no_exist, .locks (hub-docs local-cache.md).
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "hub/repository.h"

namespace imagent {

class HubCache {
 public:
  HubCache(std::filesystem::path cache, const RepositoryId& repository, bool symlinks = true);

  const std::filesystem::path& folder() const { return folder_; }        // .../models--org--name
  std::filesystem::path blob(const std::string& etag) const { return folder_ / "blobs" / etag; }
  std::filesystem::path partial(const std::string& etag) const { return folder_ / "blobs" / (etag + ".incomplete"); }
  std::filesystem::path lock(const std::string& etag) const { return locks() / (etag + ".lock"); }
  std::filesystem::path locks() const { return cache_ / ".locks" / folder_.filename(); }
  std::filesystem::path snapshot(const std::string& commit) const { return folder_ / "snapshots" / commit; }

  // The commit that a revision stood for when it was last pulled: itself if it is one, else what refs/ says.
  std::optional<std::string> commit_of(const std::string& revision) const;

  // Makes the folders and CACHEDIR.TAG. Errors: io.
  void create() const;
  // Lets snapshots/<commit>/<path> be the blob: a relative link, or the blob itself moved there. Errors: io.
  void link(const std::string& commit, const std::string& path, const std::string& etag) const;
  void write_ref(const std::string& revision, const std::string& commit) const;
  void write_no_exist(const std::string& commit, const std::string& path) const;

 private:
  std::filesystem::path cache_, folder_;
  bool symlinks_;
};

}  // namespace imagent
