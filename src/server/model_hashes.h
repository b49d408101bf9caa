// The hashes by which clients of the web UI tell models apart. A large file takes long to read: that happens on a thread of its
// own, and until then its hash is not known.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "pipeline/named_files.h"
#include "server/catalog.h"

namespace imagent::server {

class ModelHashes {
 public:
  // `builtin`: the folder of the model whose entry has no path. `prefer_half`: the weights that the engine takes.
  ModelHashes(std::filesystem::path builtin, bool prefer_half) : builtin_(std::move(builtin)), prefer_half_(prefer_half) {}
  ~ModelHashes();

  // SHA-256; "" while it is not known, and from the first question on it is being found out.
  std::string sha256(const CatalogEntry& model);

 private:
  struct Known {
    std::string stamp;
    std::string sha256 = {};   // "": waits, or cannot be read
  };
  void read_models();

  const std::filesystem::path builtin_;
  const bool prefer_half_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::map<std::filesystem::path, Known> known_;
  std::deque<std::filesystem::path> waiting_;
  std::atomic<bool> stopping_ = false;
  std::thread reader_;
};

}  // namespace imagent::server
