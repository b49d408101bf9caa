// Decorators over a Source.
#include "weights/renamed.h"

#include <map>

#include "base/error.h"
#include "base/printable.h"

namespace imagent {
namespace {

// Names that lead to a tensor of some source under its own name there.
class Directory : public Source {
 public:
  explicit Directory(std::string origin) : origin_(std::move(origin)) {}

  void add(const std::string& name, std::shared_ptr<const Source> source, const std::string& own_name) {
    if (sources_.empty() || sources_.back() != source) sources_.push_back(source);
    const bool fresh = entries_.emplace(name, Entry{std::move(source), own_name}).second;
    check(fresh, ErrorKind::model, origin_, " holds tensor ", printable(name), " twice");
  }

  std::optional<TensorView> find(const std::string& name) const override {
    const auto found = entries_.find(name);
    return found == entries_.end() ? std::nullopt : found->second.source->find(found->second.own_name);
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, entry] : entries_) out.push_back(name);
    return out;
  }
  std::string origin() const override { return origin_; }
  std::map<std::string, std::string> metadata() const override {
    std::map<std::string, std::string> all;
    for (const auto& source : sources_) all.merge(source->metadata());
    return all;
  }
  void release(const TensorView& view) const override {
    for (const auto& source : sources_) source->release(view);  // the one whose file it lies in does it
  }

 private:
  struct Entry {
    std::shared_ptr<const Source> source;
    std::string own_name;
  };
  std::string origin_;
  std::vector<std::shared_ptr<const Source>> sources_;
  std::map<std::string, Entry> entries_;
};

}  // namespace

std::shared_ptr<const Source> renamed(std::shared_ptr<const Source> source, const std::vector<std::pair<std::string, std::string>>& replacements) {
  auto directory = std::make_shared<Directory>(source->origin());
  for (const std::string& own_name : source->names()) {
    std::string name = own_name;
    for (const auto& [from, to] : replacements)
      for (size_t at = name.find(from); at != std::string::npos; at = name.find(from, at + to.size())) name.replace(at, from.size(), to);
    directory->add(name, source, own_name);
  }
  return directory;
}

std::shared_ptr<const Source> merged(std::vector<std::shared_ptr<const Source>> shards, std::string origin) {
  auto directory = std::make_shared<Directory>(std::move(origin));
  for (const auto& shard : shards)
    for (const std::string& name : shard->names()) directory->add(name, shard, name);
  return directory;
}

}  // namespace imagent
