// The revisions of a repository that lie in the cache (huggingface_hub _cache_manager.py).
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "hub/cache.h"

namespace imagent {

struct CachedRevision {
  std::string commit;
  std::vector<std::string> refs = {};   // names that stand for it: "main", "refs/pr/1"
  uint64_t bytes = 0;                   // of its files, those included that it shares with other revisions
};

// The one that a name without a revision means comes first, the others by commit.
std::vector<CachedRevision> cached_revisions(const HubCache& cache);

// Removes a snapshot, the names that stand for it and the blobs that no other snapshot links to; returns the bytes that
// are free now. Nothing outside the cache's folder is touched. Errors: io; model when a folder of the cache is a link to
// somewhere else.
uint64_t remove_revision(const HubCache& cache, const std::string& commit);

// "org/name" for the folder models--org--name, or for a path below its snapshots; "" for anything else.
std::string repository_of_folder(const std::string& folder_name);
std::string repository_of_snapshot(const std::filesystem::path& snapshot);

}  // namespace imagent
