// Hashing models in the background.
#include "server/model_hashes.h"

#include "base/error.h"
#include "pipeline/model_hash.h"

namespace imagent::server {

namespace fs = std::filesystem;

ModelHashes::~ModelHashes() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  if (reader_.joinable()) reader_.join();
}

std::string ModelHashes::sha256(const CatalogEntry& model) {
  const fs::path path = model.path.empty() ? builtin_ : model.path;
  const std::lock_guard lock(mutex_);
  const std::string stamp = model_stamp(path);
  if (stamp.empty()) return "";
  const auto found = known_.find(path);
  if (found != known_.end() && found->second.stamp == stamp) return found->second.sha256;
  known_[path] = {stamp};
  waiting_.push_back(path);
  if (!reader_.joinable()) reader_ = std::thread([this] { read_models(); });
  work_.notify_one();
  return "";
}

void ModelHashes::read_models() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    const fs::path path = waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    std::string sha256;
    try {
      std::error_code error;
      const Cancelled cancelled = [this] { return stopping_.load(); };
      sha256 = fs::is_directory(path, error) ? model_sha256(*open_model_source(path), prefer_half_, cancelled) : hash_of_file(path, cancelled);
    } catch (const std::exception&) {  // a damaged model is told to who wants to draw with it
    }
    lock.lock();
    known_[path].sha256 = std::move(sha256);
  }
}

}  // namespace imagent::server
