// The queue in SQLite. Lock order: database, then mutex_.
#include "server/local_queue.h"

#include <algorithm>

#include "base/error.h"
#include "server/store.h"

namespace imagent::server {

static constexpr int trusted_attempts = 3, max_attempts = 20;  // a job that went down with the server so often: waits for all others; fails
static constexpr size_t max_events = 512;
static constexpr int max_previews = 4;

static constexpr const char* status_columns =
    "SELECT id, client, priority, state, job, attempts, created, started, finished, result FROM jobs ";

LocalQueue::LocalQueue(std::shared_ptr<Database> database, QueueOptions options) : database_(std::move(database)), options_(options) {
  requeue_lost(-1);
}

QueueFull LocalQueue::full(int waiting) {
  const std::lock_guard lock(mutex_);
  return {waiting, std::clamp(static_cast<int>(seconds_per_job_ + 0.5), 1, 600)};
}

std::string LocalQueue::submit(Job job) {
  if (job.id.empty()) job.id = new_id();
  Transaction transaction(*database_);
  Statement count = database_->query("SELECT COUNT(*) FROM jobs WHERE state='queued'");
  count.step();
  const int waiting = static_cast<int>(count.integer(0));
  if (waiting >= options_.max_waiting) throw full(waiting);
  const std::string inputs = job.inputs.empty() ? "" : nlohmann::json(job.inputs).dump();  // apart: only the worker reads them
  job.inputs.clear();
  database_->run("INSERT INTO jobs(id, client, priority, state, job, inputs, created) VALUES(?1, ?2, ?3, 'queued', ?4, ?5, ?6)", job.id, job.client,
                 std::clamp(job.priority, -100, 100), to_text(job), inputs, now());
  transaction.commit();
  const std::lock_guard lock(mutex_);
  add_event(*live(job.id), {.job = job.id, .type = "queued", .data = {{"position", waiting + 1}}});
  ++submissions_;
  work_.notify_one();
  return job.id;
}

std::shared_ptr<LocalQueue::Live> LocalQueue::find_live(const std::string& job) {
  const auto found = live_.find(job);
  return found == live_.end() ? nullptr : found->second;
}

std::shared_ptr<LocalQueue::Live> LocalQueue::live(const std::string& job) {
  auto& entry = live_[job];
  if (!entry) entry = std::make_shared<Live>();
  return entry;
}

// mutex_ is held. A few previews are enough for whoever comes late, and pictures are large.
void LocalQueue::add_event(Live& live, JobEvent event) {
  if (live.over) return;
  event.id = live.next_event++;
  const auto drop = [&](const char* type) {
    const auto old = std::find_if(live.events.begin(), live.events.end(), [&](const JobEvent& e) { return e.type == type; });
    if (old != live.events.end()) live.events.erase(old);
  };
  if (event.type == "preview" && ++live.previews > max_previews) {
    drop("preview");
    live.previews = max_previews;
  }
  if (live.events.size() >= max_events) drop("progress");
  if (event.type == "progress") live.progress = event.data;
  live.over = event.type == "completed" || event.type == "failed" || event.type == "cancelled";
  live.events.push_back(std::move(event));
  live.news.notify_all();
}

std::optional<Claim> LocalQueue::try_claim() {
  Transaction transaction(*database_);
  Statement next = database_->query(
      "SELECT id, job, attempts, inputs FROM jobs j WHERE state='queued' ORDER BY attempts>=?1, priority DESC,"
      " (SELECT COALESCE(MAX(claimed), 0) FROM jobs other WHERE other.client=j.client), sequence LIMIT 1", trusted_attempts);
  if (!next.step()) return std::nullopt;
  Claim claim{from_text<Job>(next.text(1)), new_id(), static_cast<int>(next.integer(2)) + 1};
  claim.job.id = next.text(0);
  if (const std::string inputs = next.text(3); !inputs.empty()) claim.job.inputs = nlohmann::json::parse(inputs).get<decltype(Job::inputs)>();
  database_->run("UPDATE jobs SET state='running', token=?2, attempts=?3, started=?4, claimed=(SELECT MAX(claimed) FROM jobs)+1 WHERE id=?1",
                 claim.job.id, claim.token, claim.attempt, now());
  transaction.commit();
  const std::lock_guard lock(mutex_);
  const auto entry = live(claim.job.id);
  entry->token = claim.token;
  entry->heard = now();
  add_event(*entry, {.job = claim.job.id, .type = "started", .data = {{"attempt", claim.attempt}}});
  return claim;
}

std::optional<Claim> LocalQueue::claim(Wait wait) {
  const auto until = std::chrono::steady_clock::now() + wait;
  while (true) {
    uint64_t seen;
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return std::nullopt;
      seen = submissions_;
    }
    if (auto claimed = try_claim()) return claimed;
    std::unique_lock lock(mutex_);
    if (!work_.wait_until(lock, until, [&] { return closed_ || submissions_ != seen; }) || closed_) return std::nullopt;
  }
}

Order LocalQueue::heartbeat(const Heartbeat& message) {
  const std::lock_guard lock(mutex_);
  const auto entry = find_live(message.job);
  if (!entry || entry->token != message.token || entry->over) return Order::cancel;
  entry->heard = now();
  const Order order = entry->order;
  if (order == Order::skip) entry->order = Order::none;  // it is for the batch that runs now
  return order;
}

void LocalQueue::publish(JobEvent event) {
  const std::lock_guard lock(mutex_);
  if (const auto entry = find_live(event.job)) add_event(*entry, std::move(event));
}

// Ends a queued job (where_token "") or the claimed one with that token, its pictures in the same transaction.
bool LocalQueue::end(const JobResult& result, const std::string& where_token) {
  Transaction transaction(*database_);
  JobResult kept = result;
  kept.token.clear();
  const int changed = database_->run("UPDATE jobs SET state=?2, finished=?3, result=?4, inputs='', token='' WHERE id=?1 AND token=?5 AND state=?6", result.job,
                                     std::string(name_of(result.state)), now(), to_text(kept), where_token, std::string(where_token.empty() ? "queued" : "running"));
  if (changed == 0) return false;
  for (const Picture& picture : result.pictures) insert_picture(*database_, picture);
  transaction.commit();
  nlohmann::json data = {{"pictures", result.pictures.size()}};
  if (!result.error.empty()) data.update({{"kind", result.error_kind}, {"error", result.error}});
  const std::lock_guard lock(mutex_);
  const auto entry = live(result.job);
  entry->ended = now();
  entry->order = Order::none;
  ended_.push_back(result.job);
  add_event(*entry, {.job = result.job, .type = name_of(result.state), .data = std::move(data)});
  return true;
}

bool LocalQueue::finish(const JobResult& result) {
  if (result.token.empty() || !end(result, result.token)) return false;
  if (const auto total = result.timings.find("total_s"); total != result.timings.end()) {
    const std::lock_guard lock(mutex_);
    seconds_per_job_ = 0.8 * seconds_per_job_ + 0.2 * total->second;
  }
  forget_old();
  return true;
}

bool LocalQueue::cancel(const Cancel& message) {
  if (end({.job = message.job, .state = JobState::cancelled}, "")) return true;  // it was waiting
  const std::lock_guard lock(mutex_);
  const auto entry = find_live(message.job);
  if (!entry || entry->over || entry->token.empty()) return false;
  entry->order = std::max(entry->order, message.order);
  return true;
}

void LocalQueue::release(const Heartbeat& claim) {
  const std::lock_guard lock(database_->mutex);
  if (!database_->run("UPDATE jobs SET state='queued', token='', attempts=attempts-1 WHERE id=?1 AND token=?2 AND state='running'", claim.job, claim.token)) return;
  const std::lock_guard memory(mutex_);
  live(claim.job)->token.clear();
  ++submissions_;
  work_.notify_one();
}

bool LocalQueue::requeue(const std::string& job) {
  const std::lock_guard lock(database_->mutex);
  Statement row = database_->query("SELECT attempts, token FROM jobs WHERE id=?1 AND state='running'", job);
  if (!row.step()) return false;
  const std::string token = row.text(1);
  if (row.integer(0) < max_attempts) return database_->run("UPDATE jobs SET state='queued', token='' WHERE id=?1", job) > 0;
  const std::string reason = str("given up: the server ended ", max_attempts, " times while it drew this");
  return end({.job = job, .token = token, .state = JobState::failed, .error_kind = "internal", .error = reason}, token);
}

int LocalQueue::requeue_lost(double silent_s) {
  std::vector<std::string> running;
  {
    const std::lock_guard lock(database_->mutex);
    Statement rows = database_->query("SELECT id FROM jobs WHERE state='running'");
    while (rows.step()) running.push_back(rows.text(0));
  }
  int count = 0;
  for (const std::string& id : running) {
    {
      const std::lock_guard lock(mutex_);
      const auto entry = find_live(id);
      if (entry && now() - entry->heard < silent_s) continue;
      if (entry) entry->token.clear();
    }
    count += requeue(id);
  }
  const std::lock_guard lock(mutex_);
  ++submissions_;
  work_.notify_all();
  return count;
}

std::vector<JobEvent> LocalQueue::events(const EventQuery& query) {
  const auto collect = [&](const Live& live) {
    std::vector<JobEvent> found;
    for (const JobEvent& event : live.events)
      if (event.id > query.after) found.push_back(event);
    return found;
  };
  {
    std::unique_lock lock(mutex_);
    if (const auto entry = find_live(query.job)) {
      entry->news.wait_for(lock, query.wait, [&] { return closed_ || entry->over || (!entry->events.empty() && entry->events.back().id > query.after); });
      return collect(*entry);
    }
  }
  const std::optional<JobStatus> status = this->status(query.job);  // of an earlier process, or long ago
  if (!status) return {};
  if (status->state == JobState::queued || status->state == JobState::running) {
    const std::lock_guard lock(mutex_);
    live(query.job);
    return {};
  }
  if (query.after >= INT64_MAX - 1) return {};
  return {{.id = INT64_MAX - 1, .job = query.job, .type = name_of(status->state),
           .data = {{"kind", status->result.error_kind}, {"error", status->result.error}}}};
}

void LocalQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  work_.notify_all();
  for (const auto& [id, entry] : live_) entry->news.notify_all();
}

void LocalQueue::forget_old() {
  const std::lock_guard hold(database_->mutex);
  database_->run("DELETE FROM jobs WHERE finished>0 AND sequence <= (SELECT MAX(sequence) FROM jobs) - ?1", options_.keep_jobs);
  const std::lock_guard lock(mutex_);
  for (; !ended_.empty(); ended_.pop_front()) {
    const auto oldest = live_.find(ended_.front());
    if (ended_.size() <= options_.keep_events_of && now() - oldest->second->ended <= options_.keep_events_s) break;
    live_.erase(oldest);
  }
}

JobStatus LocalQueue::read_status(Statement& row) {
  JobStatus status;
  status.job = from_text<Job>(row.text(4));
  status.job.id = row.text(0);
  status.state = job_state(row.text(3));
  status.attempts = static_cast<int>(row.integer(5));
  status.created = row.real(6);
  status.started = row.real(7);
  status.finished = row.real(8);
  if (const std::string result = row.text(9); !result.empty()) status.result = from_text<JobResult>(result);
  return status;
}

void LocalQueue::add_live_state(JobStatus& status) {
  const std::lock_guard lock(mutex_);
  if (const auto entry = find_live(status.job.id)) status.progress = entry->progress;
}

int LocalQueue::waiting_before(const std::string& job) {
  Statement row = database_->query(
      "SELECT COUNT(*) FROM jobs j, jobs me WHERE me.id=?1 AND j.state='queued' AND (j.priority>me.priority OR (j.priority=me.priority AND j.sequence<me.sequence))", job);
  row.step();
  return static_cast<int>(row.integer(0));
}

std::optional<JobStatus> LocalQueue::status(const std::string& job) {
  const std::lock_guard lock(database_->mutex);
  Statement row = database_->query((std::string(status_columns) + "WHERE id=?1").c_str(), job);
  if (!row.step()) return std::nullopt;
  JobStatus status = read_status(row);
  if (status.state == JobState::queued) status.position = 1 + waiting_before(job);
  add_live_state(status);
  return status;
}

std::vector<JobStatus> LocalQueue::jobs(const JobFilter& filter) {
  const std::lock_guard lock(database_->mutex);
  Statement rows = database_->query(
      (std::string(status_columns) + "WHERE (?1='' OR state=?1) AND (?2='' OR client=?2) ORDER BY sequence DESC LIMIT ?3 OFFSET ?4").c_str(),
      std::string(filter.state ? name_of(*filter.state) : ""), filter.client, filter.limit, filter.offset);
  std::vector<JobStatus> found;
  while (rows.step()) found.push_back(read_status(rows));
  for (JobStatus& status : found) {
    if (status.state == JobState::queued) status.position = 1 + waiting_before(status.job.id);
    add_live_state(status);
  }
  return found;
}

QueueCounts LocalQueue::counts() {
  const std::lock_guard lock(database_->mutex);
  Statement rows = database_->query("SELECT state, COUNT(*) FROM jobs GROUP BY state");
  QueueCounts counts;
  while (rows.step()) {
    const int64_t count = rows.integer(1);
    switch (job_state(rows.text(0))) {
      case JobState::queued: counts.waiting = static_cast<int>(count); break;
      case JobState::running: counts.running = static_cast<int>(count); break;
      case JobState::completed: counts.completed = count; break;
      case JobState::failed: counts.failed = count; break;
      case JobState::cancelled: counts.cancelled = count; break;
    }
  }
  return counts;
}

}  // namespace imagent::server
