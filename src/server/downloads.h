// Models that callers fetch from the hub, one after another, on a thread of their own.
#pragma once
#include <atomic>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "hub/environment.h"
#include "hub/pull_progress.h"
#include "server/messages.h"
#include "server/queue.h"

namespace imagent::server {

struct DownloadStatus {
  std::string id{}, name{};            // name: ORG/NAME[/FILE][@REVISION] or an alias, as it was asked for
  JobState state = JobState::queued;
  double created = 0;
  PullProgress progress{};
  std::string error_kind{}, error{};
  int64_t version = 0;                 // counts up with every change
};

class Downloads {
 public:
  // `prefer_half`: weights in 16 bits where the hub has both.
  Downloads(HubSettings settings, bool prefer_half) : settings_(std::move(settings)), prefer_half_(prefer_half) {}
  ~Downloads();                        // what is being fetched can go on where it was by a later start

  // The download's id; that of an earlier one which has not ended for the same name. Errors: usage (no such name on any hub);
  // QueueFull.
  std::string start(const std::string& name);
  std::vector<DownloadStatus> list();  // newest first, of those that have ended the last ones
  std::optional<DownloadStatus> find(const std::string& id) { return wait(id, -1, Wait{0}); }
  // As soon as its version is above `version`, or after that time; nothing when there is none.
  std::optional<DownloadStatus> wait(const std::string& id, int64_t version, Wait time);
  bool cancel(const std::string& id);  // false: it has ended, or there is none

 private:
  struct Download {
    DownloadStatus status;
    std::atomic<bool> cancel = false;
  };
  void fetch_all();
  void fetch(Download& download);
  void change(Download& download, const std::function<void(DownloadStatus&)>& set);
  std::shared_ptr<Download> next_waiting();
  void forget_old();

  const HubSettings settings_;
  const bool prefer_half_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<std::shared_ptr<Download>> downloads_;  // newest first
  bool stopping_ = false;
  std::thread fetcher_;
};

}  // namespace imagent::server
