// Many clients at once: no job is lost or drawn twice, others are answered meanwhile, memory stays where it is, and sharing
// UNet calls draws more pictures. A few jobs by default; IMAGENT_LOAD_JOBS=2000 is the whole thing, which also measures.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <mutex>
#include <set>

#include "server/test_server.h"

namespace imagent::test {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

size_t resident_bytes(pid_t process) {
  std::ifstream in("/proc/" + std::to_string(process) + "/statm");
  size_t all = 0, resident = 0;
  in >> all >> resident;
  return resident * 4096;
}

int jobs_asked_for() {
  const char* text = std::getenv("IMAGENT_LOAD_JOBS");
  return text ? std::max(1, std::atoi(text)) : 120;
}
bool whole() { return jobs_asked_for() >= 1000; }

// `imagent serve` in a process of its own.
class ServerProcess {
 public:
  explicit ServerProcess(const std::vector<std::string>& more = {}) : process_(arguments(more)) {
    const std::string before = "listening on http://127.0.0.1:";
    if (!process_.wait_for_error(before, 60)) return;
    const std::string said = process_.error_so_far();
    port_ = std::atoi(said.c_str() + said.find(before) + before.size());
  }
  int port() const { return port_; }  // 0: it did not start
  pid_t id() const { return process_.id(); }

 private:
  std::vector<std::string> arguments(const std::vector<std::string>& more) const {
    std::vector<std::string> all = {"serve", "--port", "0", "--data-dir", (folder_ / "data").string()};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  Scratch folder_;
  Process process_;
  int port_ = 0;
};

// The clients' side: everybody draws pictures, each with a seed of its own, until all are drawn.
class Load {
 public:
  Load(const ServerProcess& server, int jobs, int side) : port_(server.port()), server_(server.id()), jobs_(jobs), side_(side) {}

  void run(int clients) {
    const auto start = Clock::now();
    std::vector<std::thread> threads;
    for (int i = 0; i < clients; ++i) threads.emplace_back([this, i] { draw("client" + std::to_string(i)); });
    std::thread watcher([this] { watch(); });
    for (std::thread& thread : threads) thread.join();
    over_ = true;
    watcher.join();
    seconds_ = seconds_since(start);
  }

  const std::multiset<int64_t>& seeds() const { return seeds_; }
  const std::vector<size_t>& resident() const { return resident_; }  // after each job
  double seconds() const { return seconds_; }
  double slow_answer() const {                                       // 99 of 100 are faster
    std::vector<double> sorted = answers_;
    std::sort(sorted.begin(), sorted.end());
    return sorted.empty() ? 0 : sorted[sorted.size() * 99 / 100];
  }
  int refused() const { return refused_; }

 private:
  void draw(const std::string& name) {
    httplib::Client client("127.0.0.1", port_);
    client.set_read_timeout(300);
    client.set_keep_alive(true);
    for (int job = next_++; job < jobs_; job = next_++) {
      const json body = {{"prompt", "a red house"}, {"width", side_}, {"height", side_}, {"steps", 4}, {"seed", job}};
      while (true) {
        const auto answer = client.Post("/sdapi/v1/txt2img", {{"X-Client-Id", name}}, body.dump(), "application/json");
        ASSERT_TRUE(answer) << httplib::to_string(answer.error());
        if (answer->status == 429) {
          ++refused_;
          std::this_thread::sleep_for(std::chrono::seconds(std::max(1, std::atoi(answer->get_header_value("Retry-After").c_str()))));
          continue;
        }
        ASSERT_EQ(answer->status, 200) << answer->body;
        const json drawn = json::parse(answer->body);
        ASSERT_EQ(drawn.at("images").size(), 1u);
        const std::lock_guard lock(mutex_);
        seeds_.insert(json::parse(drawn.at("info").get<std::string>()).at("seed").get<int64_t>());
        resident_.push_back(resident_bytes(server_));
        break;
      }
    }
  }
  void watch() {
    httplib::Client client("127.0.0.1", port_);
    client.set_keep_alive(true);
    while (!over_) {
      const auto start = Clock::now();
      const auto answer = client.Get("/sdapi/v1/progress");
      ASSERT_TRUE(answer && answer->status == 200);
      answers_.push_back(seconds_since(start));
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  const int port_;
  const pid_t server_;
  const int jobs_, side_;
  std::atomic<int> next_ = 0, refused_ = 0;
  std::atomic<bool> over_ = false;
  std::mutex mutex_;
  std::multiset<int64_t> seeds_;
  std::vector<size_t> resident_;
  std::vector<double> answers_;
  double seconds_ = 0;
};

TEST(Load, NoJobIsLostOrDrawnTwice) {
  const int jobs = jobs_asked_for();
  const ServerProcess server;
  ASSERT_NE(server.port(), 0);
  Load load(server, jobs, 64);
  load.run(whole() ? 200 : 30);

  std::multiset<int64_t> all;
  for (int i = 0; i < jobs; ++i) all.insert(i);
  EXPECT_EQ(load.seeds(), all);
  httplib::Client client("127.0.0.1", server.port());
  std::set<std::string> drawn;
  for (int offset = 0; offset < jobs; offset += 500) {
    const json page = json::parse(client.Get("/v1/gallery?limit=500&offset=" + std::to_string(offset))->body);
    for (const json& picture : page.at("pictures")) EXPECT_TRUE(drawn.insert(picture.at("job").get<std::string>()).second);
  }
  EXPECT_EQ(drawn.size(), static_cast<size_t>(jobs));
  const json health = json::parse(client.Get("/health")->body);
  EXPECT_EQ(health.at("waiting"), 0);
  EXPECT_EQ(health.at("running"), 0);
  if (!whole()) return;

  ASSERT_GE(load.resident().size(), 1000u);
  const std::vector<size_t>& resident = load.resident();
  const size_t settled = resident[499], most = *std::max_element(resident.begin() + 499, resident.end());
  std::cout << jobs << " jobs in " << load.seconds() << " s, " << load.refused() << " times refused; progress answers: 99 of 100 within " << 1000 * load.slow_answer()
            << " ms; resident " << (settled >> 20) << " MiB at the 500th job, at most " << (most >> 20) << " MiB from there on\n";
  EXPECT_LT(load.slow_answer(), 0.05);
  EXPECT_LE(static_cast<double>(most), 1.05 * static_cast<double>(settled));
}

TEST(Load, SharedCallsDrawMorePictures) {
  if (!whole()) GTEST_SKIP() << "measures for half a minute: IMAGENT_LOAD_JOBS=1000 or more";
  const ServerProcess alone({"--batch", "1"}), sharing({"--batch", "8"});
  ASSERT_NE(alone.port(), 0);
  ASSERT_NE(sharing.port(), 0);
  const auto per_second = [](const ServerProcess& server, int jobs) {
    Load load(server, jobs, 128);
    load.run(16);
    return jobs / load.seconds();
  };
  per_second(alone, 32);
  per_second(sharing, 32);
  constexpr int pairs = 7, jobs = 120;
  std::vector<double> gains;
  for (int i = 0; i < pairs; ++i) {
    const bool first = i % 2 == 0;
    const double a = per_second(first ? alone : sharing, jobs), b = per_second(first ? sharing : alone, jobs);
    std::cout << "pictures a second at 128x128: alone " << (first ? a : b) << ", sharing " << (first ? b : a) << '\n';
    gains.push_back(first ? b / a : a / b);
  }
  std::sort(gains.begin(), gains.end());
  std::cout << "sharing draws " << gains[pairs / 2] << " times as many by the median (" << gains.front() << " to " << gains.back() << ")\n";
  EXPECT_GE(gains[pairs / 2], 1.3);
}

}  // namespace
}  // namespace imagent::test
