// Walks over models--org--name folders (huggingface_hub _cache_manager.py) and over a folder of models.
#include "hub/local_models.h"

#include <algorithm>

#include "base/error.h"
#include "hub/cache.h"
#include "hub/digest.h"
#include "hub/file_lock.h"
#include "hub/file_tree.h"
#include "hub/model_files.h"

namespace imagent {
namespace {

namespace fs = std::filesystem;

// The snapshot that a name without a revision means; else the newest.
std::string newest_commit(const HubCache& cache) {
  std::error_code error;
  if (const auto main = cache.commit_of("main"); main && fs::exists(cache.snapshot(*main), error)) return *main;
  std::string commit;
  fs::file_time_type newest = fs::file_time_type::min();
  for (const auto& entry : fs::directory_iterator(cache.folder() / "snapshots", error)) {
    const std::string name = entry.path().filename();
    const auto time = entry.last_write_time(error);
    if (is_commit(name) && !error && (commit.empty() || time > newest)) {
      commit = name;
      newest = time;
    }
  }
  return commit;
}

bool has_unfinished(const fs::path& blobs) {
  std::error_code error;
  const fs::directory_iterator files(blobs, error);
  return std::any_of(begin(files), end(files), [](const auto& entry) { return entry.path().extension() == ".incomplete"; });
}

LocalModel cached_model(const fs::path& cache_folder, const std::string& name, const std::string& commit = "") {
  const HubCache cache(cache_folder, {.name = name});
  LocalModel model{.name = name, .path = cache.folder(), .kind = {}, .place = ModelPlace::hub_cache, .revision = commit.empty() ? newest_commit(cache) : commit, .revisions = cached_revisions(cache)};
  if (!model.revision.empty()) model.path = cache.snapshot(model.revision);
  model.kind = kind_of_model(model.path);
  model.size_on_disk = bytes_without_links(cache.folder());
  model.missing = missing_files(model.path);
  model.unfinished_download = has_unfinished(cache.folder() / "blobs");
  return model;
}

void add_own_model(const fs::directory_entry& entry, std::vector<LocalModel>& models) {
  std::error_code error;
  const bool folder = entry.is_directory(error);
  if (!folder && !(has_weight_extension(entry.path()) && entry.is_regular_file(error))) return;
  LocalModel model = local_model_at(entry.path());
  if (folder && model.kind == "unknown") return;
  model.place = ModelPlace::models_folder;
  models.push_back(std::move(model));
}

// The hash that a blob's name announces: SHA-256 for large files, git's name for small ones.
FileCheck check_file(const fs::path& root, const fs::path& path, const Cancelled& cancelled) {
  FileCheck result{.file = (path == root ? path.filename() : path.lexically_relative(root)).string(), .state = FileCheck::State::unknown};
  std::error_code error;
  const fs::path content = fs::canonical(path, error);
  if (error) {
    result.state = FileCheck::State::missing;
    return result;
  }
  result.sha256 = sha256_of_file(content, cancelled);
  const std::string blob = content.parent_path().filename() == "blobs" ? content.filename().string() : "";
  if (is_sha256(blob)) result.state = result.sha256 == blob ? FileCheck::State::good : FileCheck::State::corrupt;
  if (is_commit(blob)) result.state = git_name_of_file(content, cancelled) == blob ? FileCheck::State::good : FileCheck::State::corrupt;
  return result;
}

std::vector<fs::path> files_of(const fs::path& model) {
  std::error_code error;
  if (!fs::is_directory(model, error)) return {model};
  std::vector<fs::path> files;
  for_each_file(model, [&](const fs::path& file) { files.push_back(file); });
  std::sort(files.begin(), files.end());
  return files;
}

void check_unused(const fs::path& locks, const std::string& name) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(locks, error))
    if (entry.path().extension() == ".lock") check(FileLock::try_lock(entry.path()).has_value(), ErrorKind::model, name, " is being downloaded: it cannot be removed now");
}

}  // namespace

std::vector<LocalModel> list_local_models(const ModelPlaces& places) {
  std::vector<LocalModel> models;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(places.hub_cache, error)) {
    const std::string name = repository_of_folder(entry.path().filename());
    if (!name.empty() && entry.is_directory(error)) models.push_back(cached_model(places.hub_cache, name));
  }
  if (!places.models_folder.empty())
    for (const auto& entry : fs::directory_iterator(places.models_folder, error)) add_own_model(entry, models);
  std::sort(models.begin(), models.end(), [](const LocalModel& a, const LocalModel& b) { return a.name < b.name; });
  return models;
}

LocalModel local_model_at(const fs::path& path) {
  std::error_code error;
  const fs::path plain = path.has_filename() ? path : path.parent_path();
  LocalModel model{.name = fs::absolute(plain, error).lexically_normal().filename(), .path = path, .kind = kind_of_model(path)};
  if (fs::is_directory(path, error)) {
    model.size_on_disk = bytes_without_links(path);
    model.missing = missing_files(path);
  } else {
    const auto size = fs::file_size(path, error);
    if (!error) model.size_on_disk = size;
  }
  return model;
}

LocalModel find_local_model(const ModelPlaces& places, const std::string& name) {
  std::vector<std::string> names;
  const bool hub_name = is_repository(name);
  const RepositoryId repository = hub_name ? parse_repository(name) : RepositoryId{};
  for (LocalModel& model : list_local_models(places)) {
    if (model.place == ModelPlace::hub_cache && hub_name && model.name == repository.name) {
      if (name == model.name) return std::move(model);
      const std::optional<std::string> commit = HubCache(places.hub_cache, repository).commit_of(repository.revision);
      for (const CachedRevision& revision : model.revisions)
        if (revision.commit == commit) return cached_model(places.hub_cache, model.name, revision.commit);
      fail(ErrorKind::model, model.name, " is here, but not at revision \"", repository.revision, "\"");
    }
    const bool without_extension = has_weight_extension(model.name) && fs::path(model.name).stem() == name;
    if (model.name == name || without_extension) return std::move(model);
    names.push_back(model.name);
  }
  const std::string near = nearest_name(name, names);
  fail(ErrorKind::model, "there is no model \"", name, "\" on this machine", near.empty() ? "" : str(" (did you mean ", near, "?)"), ": neither in ", places.hub_cache.string(),
       places.models_folder.empty() ? "" : " nor in " + places.models_folder.string());
}

std::vector<FileCheck> verify_model(const LocalModel& model, const FileCheckCallback& each, const std::function<bool()>& cancelled) {
  std::vector<FileCheck> checks;
  for (const fs::path& file : files_of(model.path)) {
    checks.push_back(check_file(model.path, file, cancelled));
    if (each) each(checks.back());
  }
  for (const std::string& name : model.missing) {
    const bool seen = std::any_of(checks.begin(), checks.end(), [&](const FileCheck& done) { return done.file == name; });
    if (!seen) checks.push_back({.file = name, .state = FileCheck::State::missing});
  }
  return checks;
}

uint64_t remove_model(const ModelPlaces& places, const LocalModel& model) {
  if (model.place != ModelPlace::hub_cache) {
    const bool own = model.place == ModelPlace::models_folder && model.path.parent_path() == places.models_folder && model.path.has_filename();
    check(own, ErrorKind::model, model.path.string(), " lies neither in the hub's cache nor in the models folder: it is not removed");
    remove_tree(model.path);
    return model.size_on_disk;
  }
  const HubCache cache(places.hub_cache, parse_repository(model.name));
  check_unused(cache.locks(), model.name);
  remove_tree(cache.folder());
  remove_tree(cache.locks());
  return model.size_on_disk;
}

uint64_t remove_model_revision(const ModelPlaces& places, const LocalModel& model) {
  if (model.revisions.size() <= 1) return remove_model(places, model);
  const HubCache cache(places.hub_cache, parse_repository(model.name));
  check_unused(cache.locks(), model.name);
  return remove_revision(cache, model.revision);
}

}  // namespace imagent
