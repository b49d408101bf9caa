// A model hub on loopback: one port for the interface, one as the content network. Faults are put in by tests.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "hub/environment.h"
#include "hub/pull.h"

namespace imagent::test {

struct FakeRequest {
  bool content_network = false;
  std::string method, target;
  std::map<std::string, std::string> headers;   // names in lower case
  std::string body = "";
};

struct FakeReply {
  int status = 200;
  std::map<std::string, std::string> headers = {};
  std::string body = "";
  size_t cut_after = std::string::npos;         // bytes of the body after which the connection is dropped
  double pause = 0;                             // seconds before every 1000 bytes of the body
};

class FakeHub {
 public:
  FakeHub();
  ~FakeHub();
  FakeHub(const FakeHub&) = delete;
  FakeHub& operator=(const FakeHub&) = delete;

  static constexpr const char* commit = "0123456789abcdef0123456789abcdef01234567";

  // Files of the repository org/model. `large`: redirected to the content network, named by SHA-256.
  void add(const std::string& path, const std::string& content, bool large = false);
  void add_pipeline();                          // a whole toy pipeline, weights large; nothing that draws
  void add_folder(const std::filesystem::path& folder);   // all its files, safetensors large

  std::string endpoint() const { return address(api_); }
  std::string content_address() const { return address(content_); }
  HubSettings settings(const std::filesystem::path& cache) const;

  // Changes an answer before it is sent; may be called by several threads at once. Set before the first request.
  std::function<void(const FakeRequest&, FakeReply&)> tamper;

  std::vector<FakeRequest> requests() const;
  size_t count(const std::string& method, const std::string& part_of_target) const;

 private:
  struct File {
    std::string content, sha256, git_name;
    bool large;
  };
  struct Port {
    int descriptor = -1, number = 0;
    std::thread acceptor;
  };
  static std::string address(const Port& port);
  void open(Port& port, bool content_network);
  void accept_on(int descriptor, bool content_network);
  void serve(int connection, bool content_network);
  void send(int connection, const FakeRequest& request, const FakeReply& reply) const;
  FakeReply answer(const FakeRequest& request) const;
  FakeReply answer_api(const FakeRequest& request) const;
  FakeReply answer_list() const;
  FakeReply answer_tree() const;
  FakeReply answer_paths(const std::string& body) const;
  FakeReply answer_resolve(const FakeRequest& request, const std::string& path) const;
  FakeReply answer_content(const FakeRequest& request) const;
  static nlohmann::json entry_of(const std::string& path, const File& file);

  std::map<std::string, File> files_;
  Port api_, content_;
  std::atomic<bool> stop_{false};
  mutable std::mutex mutex_;
  std::vector<FakeRequest> requests_;
  std::vector<std::thread> connections_;
};

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  std::filesystem::path operator/(const std::string& name) const { return path / name; }
  std::filesystem::path path;
};

// Time that passes only by sleeping; what was slept is added up.
class FakeClock {
 public:
  Clock clock();
  double slept() const { return slept_; }

 private:
  std::mutex mutex_;
  std::atomic<double> slept_{0};
};

std::string read_bytes(const std::filesystem::path& path);
void write_bytes(const std::filesystem::path& path, const std::string& bytes);
std::string some_bytes(size_t count);           // the same ones every time

// What pull_model() throws; kind internal and "nothing was thrown" when it throws nothing.
Error pull_error(const HubSettings& settings, const std::string& repository, const PullOptions& options);

}  // namespace imagent::test
