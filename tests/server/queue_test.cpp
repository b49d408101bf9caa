// The queue, tested through its interface: whoever writes another implementation adds it to the list at the end.
#include <gtest/gtest.h>

#include <thread>

#include "base/error.h"
#include "cli/spawn.h"
#include "server/local_queue.h"
#include "server/store.h"

namespace imagent::server {
namespace {

using test::Scratch;

// Opens a queue over the same storage again and again, as a process that is restarted does.
struct QueueMaker {
  const char* name;
  std::unique_ptr<Queue> (*open)(const std::filesystem::path& storage, const QueueOptions& options);
};

class AnyQueue : public testing::TestWithParam<QueueMaker> {
 protected:
  void reopen() {
    queue_.reset();
    queue_ = GetParam().open(scratch_.path(), options_);
  }
  void SetUp() override { reopen(); }
  Queue& queue() { return *queue_; }
  std::string submit(const std::string& client, int priority = 0) {
    return queue().submit({.client = client, .priority = priority, .fields = {{"prompt", "a fox"}}, .inputs = {{"mask", "iVBO"}}});
  }
  std::string claimed_client() {
    const auto claim = queue().claim(Wait{0});
    return claim ? claim->job.client : "";
  }
  JobResult result_of(const Claim& claim, JobState state = JobState::completed) { return {.job = claim.job.id, .token = claim.token, .state = state}; }

  QueueOptions options_{.max_waiting = 8};

 private:
  Scratch scratch_;
  std::unique_ptr<Queue> queue_;
};

TEST_P(AnyQueue, AJobGoesFromItsClientToAWorkerAndBack) {
  const std::string id = submit("anna");
  EXPECT_EQ(queue().status(id)->state, JobState::queued);
  EXPECT_EQ(queue().status(id)->position, 1);
  const auto claim = queue().claim(Wait{0});
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->job.id, id);
  EXPECT_EQ(claim->job.fields.at("prompt"), "a fox");
  EXPECT_EQ(claim->job.inputs.at("mask"), "iVBO");
  EXPECT_EQ(queue().status(id)->state, JobState::running);
  EXPECT_FALSE(queue().claim(Wait{0}));
  EXPECT_EQ(queue().heartbeat({id, claim->token}), Order::none);
  JobResult result = result_of(*claim);
  result.timings["total_s"] = 1.5;
  EXPECT_TRUE(queue().finish(result));
  EXPECT_FALSE(queue().finish(result)) << "finished once";
  EXPECT_EQ(queue().status(id)->state, JobState::completed);
  EXPECT_EQ(queue().status(id)->result.timings.at("total_s"), 1.5);
  EXPECT_EQ(queue().counts().completed, 1);
}

TEST_P(AnyQueue, ClientsTakeTurnsAndPriorityComesFirst) {
  for (int i = 0; i < 3; ++i) submit("anna");
  submit("bert");
  submit("carl");
  submit("dora", 5);
  std::string order;
  for (int i = 0; i < 6; ++i) order += claimed_client()[0];
  EXPECT_EQ(order, "dabcaa");
}

TEST_P(AnyQueue, IsFullAtItsLimitAndSaysWhenToComeBack) {
  for (int i = 0; i < options_.max_waiting; ++i) submit("anna");
  try {
    submit("bert");
    FAIL() << "the ninth of eight";
  } catch (const QueueFull& full) {
    EXPECT_EQ(full.waiting, 8);
    EXPECT_GE(full.retry_after_s, 1);
  }
  ASSERT_TRUE(queue().claim(Wait{0}));
  EXPECT_NO_THROW(submit("bert"));
}

TEST_P(AnyQueue, AWaitingJobIsCancelledAtOnceARunningOneByItsWorker) {
  const std::string running = submit("anna"), waiting = submit("anna");
  const auto claim = queue().claim(Wait{0});
  EXPECT_TRUE(queue().cancel({waiting}));
  EXPECT_EQ(queue().status(waiting)->state, JobState::cancelled);
  EXPECT_FALSE(queue().cancel({waiting}));
  EXPECT_FALSE(queue().cancel({"there is none"}));
  EXPECT_TRUE(queue().cancel({running, Order::skip}));
  EXPECT_EQ(queue().heartbeat({running, claim->token}), Order::skip);
  EXPECT_EQ(queue().heartbeat({running, claim->token}), Order::none) << "it is for one batch";
  EXPECT_TRUE(queue().cancel({running}));
  EXPECT_TRUE(queue().cancel({running, Order::skip})) << "a smaller order does not undo a larger one";
  EXPECT_EQ(queue().heartbeat({running, claim->token}), Order::cancel);
  EXPECT_TRUE(queue().finish(result_of(*claim, JobState::cancelled)));
  EXPECT_EQ(queue().status(running)->state, JobState::cancelled);
  EXPECT_FALSE(queue().claim(Wait{0}));
}

TEST_P(AnyQueue, AfterACrashClaimedJobsWaitAgainAndFinishedOnesStayFinished) {
  const std::string finished = submit("anna"), running = submit("anna"), waiting = submit("anna");
  const auto first = queue().claim(Wait{0}), second = queue().claim(Wait{0});
  queue().finish(result_of(*first));
  reopen();
  EXPECT_EQ(queue().status(finished)->state, JobState::completed);
  EXPECT_EQ(queue().status(running)->state, JobState::queued);
  EXPECT_FALSE(queue().finish(result_of(*second))) << "a claim of before the crash";
  EXPECT_EQ(queue().claim(Wait{0})->job.id, running);
  EXPECT_EQ(queue().claim(Wait{0})->job.id, waiting);
}

TEST_P(AnyQueue, AJobThatTakesTheServerDownGivesWayAndIsGivenUp) {
  const std::string id = submit("anna");
  for (int attempt = 1; attempt <= 20; ++attempt) {
    if (attempt == 4) {
      submit("anna");
      const auto other = queue().claim(Wait{0});
      EXPECT_NE(other->job.id, id) << "others first";
      EXPECT_TRUE(queue().finish(result_of(*other)));
    }
    const auto claim = queue().claim(Wait{0});
    ASSERT_TRUE(claim) << attempt;
    EXPECT_EQ(claim->attempt, attempt);
    reopen();
  }
  EXPECT_FALSE(queue().claim(Wait{0}));
  EXPECT_EQ(queue().status(id)->state, JobState::failed);
  EXPECT_NE(queue().status(id)->result.error.find("20 times"), std::string::npos);
}

TEST_P(AnyQueue, AReleasedJobIsAsIfItHadNotBeenClaimed) {
  submit("anna");
  for (int i = 0; i < 5; ++i) {
    const auto claim = queue().claim(Wait{0});
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->attempt, 1);
    queue().release({claim->job.id, claim->token});
    EXPECT_EQ(queue().heartbeat({claim->job.id, claim->token}), Order::cancel);
  }
}

TEST_P(AnyQueue, ASilentWorkerLosesItsClaim) {
  const std::string id = submit("anna");
  const auto lost = queue().claim(Wait{0});
  EXPECT_EQ(queue().requeue_lost(3600), 0);
  EXPECT_EQ(queue().requeue_lost(0), 1);
  EXPECT_EQ(queue().heartbeat({id, lost->token}), Order::cancel);
  const auto claim = queue().claim(Wait{0});
  ASSERT_TRUE(claim);
  EXPECT_FALSE(queue().finish(result_of(*lost)));
  EXPECT_TRUE(queue().finish(result_of(*claim)));
}

TEST_P(AnyQueue, WatchersSeeEveryEventInOrderAndCanResume) {
  const std::string id = submit("anna");
  const auto claim = queue().claim(Wait{0});
  for (int step = 1; step <= 4; ++step) queue().publish({.job = id, .type = "progress", .data = {{"step", step}}});
  queue().finish(result_of(*claim));
  queue().publish({.job = id, .type = "progress", .data = {{"step", 5}}});
  std::string seen;
  int64_t after = 0;
  for (const JobEvent& event : queue().events({id, 0, Wait{1000}})) {
    EXPECT_GT(event.id, after);
    after = event.id;
    seen += event.type[0];
  }
  EXPECT_EQ(seen, "qsppppc");
  EXPECT_EQ(queue().events({id, 5, Wait{0}}).size(), 2u);
  EXPECT_TRUE(queue().events({id, after, Wait{10000}}).empty()) << "at once: nothing comes any more";
  EXPECT_TRUE(queue().events({"none", 0, Wait{10000}}).empty());
}

TEST_P(AnyQueue, ALateWatcherLearnsHowAnOldJobEnded) {
  const std::string id = submit("anna");
  const auto claim = queue().claim(Wait{0});
  JobResult result = result_of(*claim, JobState::failed);
  result.error_kind = "memory";
  result.error = "needs 90 GB";
  queue().finish(result);
  reopen();
  const auto events = queue().events({id, 3, Wait{0}});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].type, "failed");
  EXPECT_EQ(events[0].data.at("error"), "needs 90 GB");
}

TEST_P(AnyQueue, OnlyTheLastPreviewsAreKept) {
  const std::string id = submit("anna");
  const auto claim = queue().claim(Wait{0});
  for (int i = 0; i < 2000; ++i) {
    queue().publish({.job = id, .type = "preview", .data = {{"image", i}}});
    queue().publish({.job = id, .type = "progress", .data = {{"step", i}}});
  }
  const auto events = queue().events({id, 0, Wait{0}});
  EXPECT_LE(events.size(), 512u);
  int previews = 0;
  for (const JobEvent& event : events) previews += event.type == "preview";
  EXPECT_EQ(previews, 4);
  EXPECT_EQ(queue().status(id)->progress.at("step"), 1999);
}

TEST_P(AnyQueue, WaitersAreWokenByWorkNewsAndTheEnd) {
  std::string claimed, type;
  std::thread worker([&] {
    const auto claim = queue().claim(Wait{20000});
    if (claim) claimed = claim->job.id;
    queue().claim(Wait{20000});
  });
  const std::string id = submit("anna");
  while (queue().counts().running == 0) std::this_thread::yield();
  std::thread watcher([&] {
    const auto events = queue().events({id, 2, Wait{20000}});
    if (!events.empty()) type = events[0].type;
    queue().events({id, 3, Wait{20000}});
  });
  queue().publish({.job = id, .type = "warning"});
  while (queue().events({id, 2, Wait{0}}).empty()) std::this_thread::yield();
  queue().close();
  worker.join();
  watcher.join();
  EXPECT_EQ(claimed, id);
  EXPECT_EQ(type, "warning");
}

TEST_P(AnyQueue, ManyClientsAndWorkersLoseAndDoubleNothing) {
  options_.max_waiting = 100000;
  reopen();
  constexpr int clients = 4, each = 25;
  std::vector<std::thread> threads;
  std::atomic<int> finished = 0;
  for (int c = 0; c < clients; ++c)
    threads.emplace_back([&, c] {
      for (int i = 0; i < each; ++i) submit(std::to_string(c));
    });
  for (int w = 0; w < 3; ++w)
    threads.emplace_back([&] {
      while (finished < clients * each)
        if (const auto claim = queue().claim(Wait{10})) finished += queue().finish(result_of(*claim));
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(finished, clients * each);
  EXPECT_EQ(queue().counts().completed, clients * each);
  EXPECT_EQ(queue().counts().waiting + queue().counts().running, 0);
}

TEST_P(AnyQueue, ListsNewestFirstByStateAndClient) {
  submit("anna");
  const std::string last = submit("bert");
  queue().claim(Wait{0});
  EXPECT_EQ(queue().jobs({}).size(), 2u);
  EXPECT_EQ(queue().jobs({}).front().job.id, last);
  EXPECT_EQ(queue().jobs({.client = "anna"}).size(), 1u);
  EXPECT_EQ(queue().jobs({.state = JobState::queued}).size(), 1u);
  EXPECT_EQ(queue().jobs({.limit = 1, .offset = 1}).size(), 1u);
}

std::unique_ptr<Queue> open_local(const std::filesystem::path& storage, const QueueOptions& options) {
  return std::make_unique<LocalQueue>(std::make_shared<Database>(storage / "queue.db"), options);
}
INSTANTIATE_TEST_SUITE_P(Queues, AnyQueue, testing::Values(QueueMaker{"local", open_local}), [](const auto& info) { return info.param.name; });

TEST(Messages, CrossAWireUnchanged) {
  Job job{.id = "1", .client = "anna", .dialect = "own", .priority = 3, .fields = {{"prompt", "ein Fuchs\n\"ü\""}}, .inputs = {{"init_image", "iVBO"}},
          .batches = 2, .format = "webp", .quality = 80, .metadata = false};
  const Claim claim{job, "token", 2};
  EXPECT_EQ(to_text(from_text<Claim>(to_text(claim))), to_text(claim));
  EXPECT_EQ(to_text(from_text<Job>(to_text(job))), to_text(job));
  const JobResult result{.job = "1", .token = "t", .state = JobState::failed, .error_kind = "memory", .error = "e", .pictures = {{.id = "p", .seed = 1LL << 62}}, .timings = {{"total_s", 1.25}}};
  EXPECT_EQ(to_text(from_text<JobResult>(to_text(result))), to_text(result));
  EXPECT_EQ(from_text<JobResult>(to_text(result)).pictures[0].seed, 1LL << 62);
  EXPECT_EQ(from_text<Cancel>(to_text(Cancel{"1", Order::skip})).order, Order::skip);
  EXPECT_EQ(from_text<Heartbeat>(to_text(Heartbeat{"1", "t"})).token, "t");
  EXPECT_EQ(from_text<JobEvent>(to_text(JobEvent{4, "1", "progress", {{"step", 2}}})).data.at("step"), 2);
  EXPECT_THROW(from_text<Job>("{\"id\":5}"), Error);
  EXPECT_THROW(from_text<Job>("{"), Error);
}

}  // namespace
}  // namespace imagent::server
