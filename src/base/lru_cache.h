// A bounded cache for few, large values: what was used least recently goes first.
#pragma once
#include <cstddef>
#include <list>
#include <memory>
#include <utility>

namespace imagent {

template <class Key, class Value>
class LruCache {
 public:
  LruCache(size_t most_entries, size_t most_bytes) : most_entries_(most_entries), most_bytes_(most_bytes) {}

  // nullptr when it is not there. What is given stays valid when its entry goes.
  std::shared_ptr<const Value> find(const Key& key) {
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (!(entry->key == key)) continue;
      entries_.splice(entries_.begin(), entries_, entry);
      return entry->value;
    }
    return nullptr;
  }

  // `bytes`: the size of the value. One that is larger than the whole cache is not kept.
  std::shared_ptr<const Value> keep(Key key, Value value, size_t bytes) {
    auto kept = std::make_shared<const Value>(std::move(value));
    if (bytes > most_bytes_ || most_entries_ == 0) return kept;
    entries_.push_front({std::move(key), kept, bytes});
    bytes_ += bytes;
    while (entries_.size() > most_entries_ || bytes_ > most_bytes_) {
      bytes_ -= entries_.back().bytes;
      entries_.pop_back();
    }
    return kept;
  }

  size_t size() const { return entries_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    Key key;
    std::shared_ptr<const Value> value;
    size_t bytes;
  };
  size_t most_entries_, most_bytes_, bytes_ = 0;
  std::list<Entry> entries_;  // most recently used first
};

}  // namespace imagent
