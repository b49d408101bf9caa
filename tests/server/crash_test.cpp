// The server killed at any moment: every accepted job is finished once or still queued, and every finished picture opens.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <set>

#include "image/codec.h"
#include "server/local_queue.h"
#include "server/store.h"
#include "server/test_server.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

int rounds() {
  const char* text = std::getenv("IMAGENT_CRASH_ROUNDS");
  return text ? std::max(1, std::atoi(text)) : 50;
}

std::unique_ptr<Process> start_server(const fs::path& data, int& port) {
  auto process = std::make_unique<Process>(std::vector<std::string>{"serve", "--port", "0", "--data-dir", data.string(), "--max-queue", "1000"});
  const std::string before = "listening on http://127.0.0.1:";
  process->wait_for_error(before, 60);
  const std::string text = process->error_so_far();
  const size_t at = text.find(before);
  port = at == std::string::npos ? 0 : std::atoi(text.c_str() + at + before.size());
  return process;
}

TEST(Crash, NothingIsLostOrDoubled) {
  const Scratch folder;
  const fs::path data = folder / "data";
  std::mt19937 random(1);
  std::set<std::string> accepted;
  for (int round = 0; round < rounds(); ++round) {
    int port = 0;
    const auto process = start_server(data, port);
    ASSERT_GT(port, 0) << "round " << round;
    httplib::Client client("127.0.0.1", port);
    for (int i = 0; i < 4; ++i) {
      const auto answer = client.Post("/v1/jobs", small({{"seed", round * 100 + i}, {"steps", 3}}).dump(), "application/json");
      ASSERT_TRUE(answer && answer->status == 202);
      accepted.insert(json::parse(answer->body).at("job_id").get<std::string>());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 400));
    process->signal(SIGKILL);
    process->finish();
  }
  int port = 0;
  const auto process = start_server(data, port);
  httplib::Client client("127.0.0.1", port);
  ASSERT_TRUE(eventually([&] {
    const auto health = client.Get("/health");
    return health && json::parse(health->body).at("waiting") == 0 && json::parse(health->body).at("running") == 0;
  }, 300));
  const json gallery = json::parse(client.Get("/v1/gallery?limit=1000")->body);
  std::set<std::string> drawn;
  for (const json& picture : gallery.at("pictures")) {
    EXPECT_TRUE(drawn.insert(picture.at("job").get<std::string>()).second) << "drawn twice";
    const auto file = client.Get(picture.at("url").get<std::string>());
    ASSERT_TRUE(file && file->status == 200);
    EXPECT_EQ(decode_image({reinterpret_cast<const uint8_t*>(file->body.data()), file->body.size()}).width, 64);
  }
  EXPECT_EQ(drawn, accepted);
  process->signal(SIGTERM);
  EXPECT_EQ(process->finish().code, 0);
}

TEST(Crash, OrphansAreSweptAndForeignFilesStay) {
  const Scratch folder;
  const auto database = std::make_shared<server::Database>(folder / "imagent.db");
  server::Picture kept{.job = std::string(24, 'a'), .format = "png"};
  {
    server::Store store(database, folder.path());
    const std::vector<uint8_t> bytes = {1, 2, 3};
    server::Picture orphan{.job = std::string(24, 'b'), .format = "png"};
    store.write_file(kept, bytes);
    store.write_file(orphan, bytes);
    server::insert_picture(*database, kept);
  }
  std::ofstream(folder / "pictures/holiday.png") << "mine";
  server::Store store(database, folder.path());
  EXPECT_TRUE(fs::exists(folder / ("pictures/" + kept.file)));
  EXPECT_FALSE(fs::exists(folder / ("pictures/" + std::string(24, 'b') + "-0.png")));
  EXPECT_TRUE(fs::exists(folder / "pictures/holiday.png"));
}

TEST(Serve, StopsGracefullyAndTakesTheJobUpAgain) {
  const Scratch folder;
  const fs::path data = folder / "data";
  int port = 0;
  std::string id;
  {
    const auto process = start_server(data, port);
    httplib::Client client("127.0.0.1", port);
    id = json::parse(client.Post("/v1/jobs", small({{"width", 512}, {"height", 512}, {"steps", 100}}).dump(), "application/json")->body).at("job_id");
    ASSERT_TRUE(eventually([&] { return json::parse(client.Get("/v1/jobs/" + id)->body).at("status") == "running"; }));
    const auto start = std::chrono::steady_clock::now();
    process->signal(SIGINT);
    const Finished finished = process->finish();
    EXPECT_EQ(finished.code, 0) << finished.err;
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
  }
  const auto process = start_server(data, port);
  httplib::Client client("127.0.0.1", port);
  EXPECT_TRUE(eventually([&] { return json::parse(client.Get("/v1/jobs/" + id)->body).at("status") == "running"; }));
}

TEST(Serve, RefusesAFolderOrPortInUseAndBadFlags) {
  const Scratch folder;
  int port = 0;
  const auto process = start_server(folder / "data", port);
  const Finished same_folder = run({"serve", "--port", "0", "--data-dir", (folder / "data").string()});
  EXPECT_EQ(same_folder.code, 7);
  EXPECT_NE(same_folder.err.find("another server uses"), std::string::npos);
  const Finished same_port = run({"serve", "--port", std::to_string(port), "--data-dir", (folder / "other").string()});
  EXPECT_EQ(same_port.code, 7);
  EXPECT_NE(same_port.err.find("--port"), std::string::npos) << same_port.err;
  EXPECT_EQ(run({"serve", "--port", "70000"}).code, 2);
  EXPECT_EQ(run({"serve", "--api-auth", "anna"}).code, 2);
  EXPECT_EQ(run({"serve", "--tls-cert", "x.pem"}).code, 2);
}

}  // namespace
}  // namespace imagent::test
