// Snapshots, what refs/ calls them, and the blobs they link to.
#include "hub/revisions.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "hub/file_tree.h"

namespace imagent {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> refs_of(const HubCache& cache, const std::string& commit) {
  std::vector<fs::path> refs;
  const fs::path folder = cache.folder() / "refs";
  for_each_file(folder, [&](const fs::path& file) {
    if (cache.commit_of(file.lexically_relative(folder).string()) == commit) refs.push_back(file);
  });
  std::sort(refs.begin(), refs.end());
  return refs;
}

std::vector<std::string> commits_of(const HubCache& cache) {
  std::vector<std::string> commits;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(cache.folder() / "snapshots", error))
    if (const std::string name = entry.path().filename(); is_commit(name)) commits.push_back(name);
  std::sort(commits.begin(), commits.end());
  return commits;
}

// Names of files in blobs/ that the snapshot links to.
std::set<std::string> blobs_of(const HubCache& cache, const std::string& commit) {
  std::set<std::string> blobs;
  const fs::path folder = cache.folder() / "blobs";
  for_each_file(cache.snapshot(commit), [&](const fs::path& file) {
    std::error_code error;
    const fs::path target = fs::read_symlink(file, error);
    if (error) return;
    const fs::path blob = (file.parent_path() / target).lexically_normal();
    if (blob.parent_path() == folder.lexically_normal()) blobs.insert(blob.filename());
  });
  return blobs;
}

void check_own_folder(const fs::path& folder) {
  std::error_code error;
  check(!fs::is_symlink(folder, error), ErrorKind::model, folder.string(), " is a link: what lies behind it is not removed");
}

uint64_t remove_file(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  const uint64_t bytes = error ? 0 : size;
  remove_tree(path);
  return bytes;
}

}  // namespace

std::vector<CachedRevision> cached_revisions(const HubCache& cache) {
  std::vector<CachedRevision> revisions;
  for (const std::string& commit : commits_of(cache)) {
    CachedRevision revision{.commit = commit, .refs = {}, .bytes = bytes_of_files(cache.snapshot(commit))};
    for (const fs::path& ref : refs_of(cache, commit)) revision.refs.push_back(ref.lexically_relative(cache.folder() / "refs").string());
    revisions.push_back(std::move(revision));
  }
  const std::optional<std::string> main = cache.commit_of("main");
  std::stable_partition(revisions.begin(), revisions.end(), [&](const CachedRevision& revision) { return revision.commit == main; });
  return revisions;
}

uint64_t remove_revision(const HubCache& cache, const std::string& commit) {
  for (const fs::path& folder : {cache.folder(), cache.folder() / "snapshots", cache.folder() / "blobs", cache.folder() / "refs", cache.folder() / ".no_exist", cache.snapshot(commit)})
    check_own_folder(folder);
  std::set<std::string> unneeded = blobs_of(cache, commit);
  for (const std::string& other : commits_of(cache)) {
    if (other == commit) continue;
    for (const std::string& blob : blobs_of(cache, other)) unneeded.erase(blob);
  }
  for (const fs::path& ref : refs_of(cache, commit)) remove_tree(ref);
  uint64_t bytes = bytes_without_links(cache.snapshot(commit));
  remove_tree(cache.snapshot(commit));
  remove_tree(cache.folder() / ".no_exist" / commit);
  for (const std::string& blob : unneeded) bytes += remove_file(cache.blob(blob));
  return bytes;
}

std::string repository_of_folder(const std::string& folder_name) {
  const std::string prefix = "models--";
  if (!folder_name.starts_with(prefix)) return "";
  std::string name = folder_name.substr(prefix.size());
  const size_t dashes = name.find("--");
  if (dashes == name.npos) return "";
  name.replace(dashes, 2, "/");
  return is_repository(name) ? name : "";
}

std::string repository_of_snapshot(const fs::path& snapshot) {
  const fs::path snapshots = snapshot.parent_path();
  const bool in_cache = is_commit(snapshot.filename().string()) && snapshots.filename() == "snapshots";
  return in_cache ? repository_of_folder(snapshots.parent_path().filename()) : "";
}

}  // namespace imagent
