// Fetching models for callers.
#include "server/downloads.h"

#include <algorithm>

#include "base/error.h"
#include "hub/registry.h"
#include "pipeline/field.h"
#include "server/http_error.h"

namespace imagent::server {

constexpr size_t most_waiting = 16, most_kept = 64;

static bool has_ended(JobState state) { return state != JobState::queued && state != JobState::running; }

Downloads::~Downloads() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& download : downloads_) download->cancel = true;
  }
  changed_.notify_all();
  if (fetcher_.joinable()) fetcher_.join();
}

std::string Downloads::start(const std::string& name) {
  const bool known = Registry::for_user().resolve(name).has_value();
  check(known, ErrorKind::usage, "name ", quoted(name), ": should be ORG/NAME[/FILE][@REVISION] of the model hub, or an alias such as sd15");
  const std::lock_guard lock(mutex_);
  size_t waiting = 0;
  for (const auto& download : downloads_) {
    if (has_ended(download->status.state)) continue;
    if (download->status.name == name && !download->cancel) return download->status.id;
    ++waiting;
  }
  if (waiting >= most_waiting) throw QueueFull{static_cast<int>(waiting), 60};
  const auto download = std::make_shared<Download>();
  download->status = {.id = new_id(), .name = name, .created = now()};
  downloads_.push_front(download);
  forget_old();
  if (!fetcher_.joinable()) fetcher_ = std::thread([this] { fetch_all(); });
  changed_.notify_all();
  return download->status.id;
}

void Downloads::forget_old() {
  while (downloads_.size() > most_kept) {
    const auto oldest = std::find_if(downloads_.rbegin(), downloads_.rend(), [](const auto& download) { return has_ended(download->status.state); });
    if (oldest == downloads_.rend()) return;
    downloads_.erase(std::next(oldest).base());
  }
}

std::vector<DownloadStatus> Downloads::list() {
  const std::lock_guard lock(mutex_);
  std::vector<DownloadStatus> all;
  for (const auto& download : downloads_) all.push_back(download->status);
  return all;
}

std::optional<DownloadStatus> Downloads::wait(const std::string& id, int64_t version, Wait time) {
  std::unique_lock lock(mutex_);
  const auto found = std::find_if(downloads_.begin(), downloads_.end(), [&](const auto& download) { return download->status.id == id; });
  if (found == downloads_.end()) return std::nullopt;
  const std::shared_ptr<Download> download = *found;
  changed_.wait_for(lock, time, [&] { return stopping_ || download->status.version > version; });
  return download->status;
}

bool Downloads::cancel(const std::string& id) {
  const std::lock_guard lock(mutex_);
  for (const auto& download : downloads_) {
    if (download->status.id != id || has_ended(download->status.state)) continue;
    download->cancel = true;
    if (download->status.state == JobState::queued) {
      download->status.state = JobState::cancelled;
      ++download->status.version;
    }
    changed_.notify_all();
    return true;
  }
  return false;
}

void Downloads::change(Download& download, const std::function<void(DownloadStatus&)>& set) {
  {
    const std::lock_guard lock(mutex_);
    set(download.status);
    ++download.status.version;
  }
  changed_.notify_all();
}

std::shared_ptr<Downloads::Download> Downloads::next_waiting() {
  std::unique_lock lock(mutex_);
  std::shared_ptr<Download> next;
  changed_.wait(lock, [&] {
    for (auto it = downloads_.rbegin(); it != downloads_.rend() && !next; ++it)
      if ((*it)->status.state == JobState::queued) next = *it;
    return stopping_ || next;
  });
  if (stopping_) return nullptr;
  next->status.state = JobState::running;
  ++next->status.version;
  return next;
}

void Downloads::fetch_all() {
  while (const std::shared_ptr<Download> download = next_waiting()) {
    changed_.notify_all();
    fetch(*download);
  }
}

void Downloads::fetch(Download& download) {
  PullOptions options{.prefer_half = prefer_half_, .cancel = &download.cancel};
  options.progress = [&](const PullProgress& progress) { change(download, [&](DownloadStatus& status) { status.progress = progress; }); };
  const auto failed = [&](JobState state, const std::string& kind, const std::string& text) {
    change(download, [&](DownloadStatus& status) {
      status.state = state;
      status.error_kind = kind;
      status.error = text;
    });
  };
  try {
    pull_model(settings_, Registry::for_user().resolve(download.status.name)->repository, options);
    change(download, [](DownloadStatus& status) { status.state = JobState::completed; });
  } catch (const Error& error) {
    failed(error.kind == ErrorKind::cancelled ? JobState::cancelled : JobState::failed, name_of(error.kind), error.text);
  } catch (const std::exception& error) {
    failed(JobState::failed, "internal", error.what());
  }
}

}  // namespace imagent::server
