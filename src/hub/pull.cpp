// The order of a pull: list, choose, see what is missing, download in parallel, write the reference last (huggingface_hub _snapshot_download.py).
#include "hub/pull.h"

#include <algorithm>
#include <exception>
#include <thread>

#include "base/error.h"
#include "hub/download.h"
#include "hub/file_selection.h"
#include "hub/model_files.h"

namespace imagent {
namespace {

namespace fs = std::filesystem;

struct Pull {
  const HubSettings& settings;
  const PullOptions& options;
  const RepositoryId& repository;
  const HubCache& cache;
  Listing listing = {};
  std::vector<RemoteFile> wanted = {};     // not in the snapshot yet
};

bool is_present(const Pull& pull, const RemoteFile& file) {
  std::error_code error;
  const auto size = fs::file_size(pull.cache.snapshot(pull.listing.commit) / file.path, error);
  return !error && (!file.size || size == *file.size);
}

uint64_t total_size(const std::vector<RemoteFile>& files) {
  uint64_t total = 0;
  for (const RemoteFile& file : files) total += file.size.value_or(0);   // no overflow: both factors are bounded
  return total;
}

// Bytes of blobs/ that earlier pulls left unfinished; they need no room any more.
uint64_t partial_bytes(const fs::path& folder) {
  uint64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder / "blobs", error))
    if (entry.path().extension() == ".incomplete" && entry.is_regular_file(error)) bytes += entry.file_size(error);
  return bytes;
}

void check_room(const Pull& pull) {
  std::error_code error;
  const fs::space_info space = fs::space(pull.cache.folder(), error);
  if (error) return;
  const uint64_t needed = total_size(pull.wanted), kept = partial_bytes(pull.cache.folder());
  check(needed <= kept || needed - kept <= space.available, ErrorKind::io, "disk full: ", pull.repository.name, " needs ", (needed - kept) >> 20, " MiB in ",
        pull.settings.cache.string(), ", where ", space.available >> 20, " MiB are free");
}

// Downloads with several threads; the first error stops all and is thrown.
class Workers {
 public:
  explicit Workers(const Pull& pull)
      : pull_(pull), meter_(pull.options.clock, pull.settings.show_progress ? pull.options.progress : PullCallback(), total_size(pull.wanted), static_cast<int>(pull.wanted.size())) {}

  void run() {
    const size_t count = std::min<size_t>(pull_.wanted.size(), static_cast<size_t>(std::clamp(pull_.options.parallel_files, 1, 16)));
    {
      std::vector<std::jthread> threads;
      for (size_t i = 0; i < count; ++i) threads.emplace_back([this] { work(); });
    }
    if (error_) std::rethrow_exception(error_);
  }

 private:
  bool user_cancelled() const { return pull_.options.cancel && *pull_.options.cancel; }

  void work() {
    try {
      HubClient client(pull_.settings, pull_.options.clock, [this] { return stop_ || user_cancelled(); });
      for (size_t i; !stop_ && (i = next_++) < pull_.wanted.size();) {
        DownloadTask task{.cache = pull_.cache, .repository = pull_.repository, .commit = pull_.listing.commit, .note = pull_.options.note};
        task.repository.file = pull_.wanted[i].path;
        download_file(client, task, meter_);
      }
    } catch (...) {
      const std::lock_guard guard(mutex_);
      if (!stop_.exchange(true)) error_ = std::current_exception();
    }
  }

  const Pull& pull_;
  TransferMeter meter_;
  std::atomic<size_t> next_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::exception_ptr error_;
};

fs::path result(const HubCache& cache, const RepositoryId& repository, const std::string& commit) {
  const fs::path snapshot = cache.snapshot(commit);
  return repository.file.empty() ? snapshot : snapshot / repository.file;
}

std::optional<fs::path> find_cached(const HubSettings& settings, const RepositoryId& repository) {
  const HubCache cache(settings.cache, repository);
  const std::optional<std::string> commit = cache.commit_of(repository.revision);
  if (!commit) return std::nullopt;
  const fs::path path = result(cache, repository, *commit);
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  return repository.file.empty() && !missing_files(path).empty() ? std::nullopt : std::optional(path);
}

fs::path find_offline(const HubSettings& settings, const RepositoryId& repository) {
  if (const auto path = find_cached(settings, repository)) return *path;
  const HubCache cache(settings.cache, repository);
  const std::optional<std::string> commit = cache.commit_of(repository.revision);
  std::error_code error;
  check(commit && fs::exists(cache.snapshot(*commit), error), ErrorKind::model, repository.name, " at revision ", repository.revision, " is not in the cache ", settings.cache.string(),
        ", and offline nothing is downloaded");
  fail(ErrorKind::model, repository.name, " is not whole in the cache and offline nothing is downloaded; missing: ", join(missing_files(cache.snapshot(*commit)), ", "));
}

}  // namespace

std::optional<fs::path> find_cached_model(const HubSettings& settings, const std::string& repository) { return find_cached(settings, parse_repository(repository)); }

fs::path pull_model(const HubSettings& settings, const std::string& name, const PullOptions& options) {
  const RepositoryId repository = parse_repository(name);
  if (settings.offline) return find_offline(settings, repository);
  const HubCache cache(settings.cache, repository, settings.symlinks);
  Pull pull{.settings = settings, .options = options, .repository = repository, .cache = cache};
  try {
    HubClient client(settings, options.clock, [&] { return options.cancel && *options.cancel; });
    pull.listing = client.list(repository);
  } catch (const Error& error) {
    const auto path = error.kind == ErrorKind::hub ? find_cached(settings, repository) : std::nullopt;
    if (!path) throw;
    if (options.note) options.note(error.text + "; the copy in the cache is used");
    return *path;
  }
  for (const RemoteFile& file : select_files(pull.listing, repository, options.prefer_half))
    if (!is_present(pull, file)) pull.wanted.push_back(file);
  std::stable_sort(pull.wanted.begin(), pull.wanted.end(), [](const RemoteFile& a, const RemoteFile& b) { return a.size > b.size; });
  cache.create();
  check_room(pull);
  Workers(pull).run();
  cache.write_ref(repository.revision, pull.listing.commit);
  return result(cache, repository, pull.listing.commit);
}

}  // namespace imagent
