// Reading tensors in another arrangement than their file's.
#include "weights/rearranged.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "base/printable.h"

namespace imagent {
namespace {

// How many tensors are stacked in the one that is stored; 1: it is no stack.
int stack_of(Layout layout) { return layout == Layout::third ? 3 : layout == Layout::half ? 2 : 1; }

TensorView part_of(const TensorView& all, int part, int stack) {
  const int64_t rows = all.shape[0] / stack;
  const size_t size = all.bytes.size() / static_cast<size_t>(stack);
  TensorView view{all.dtype, all.shape, all.bytes.subspan(static_cast<size_t>(part) * size, size), all.owner};
  view.shape[0] = rows;
  return view;
}

TensorView transposed(const TensorView& stored) {
  const auto rows = static_cast<size_t>(stored.shape[0]), columns = static_cast<size_t>(stored.shape[1]), size = size_of(stored.dtype);
  const auto copy = std::make_shared<std::vector<std::byte>>(stored.bytes.size());
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < columns; ++j) std::memcpy(copy->data() + (j * rows + i) * size, stored.bytes.data() + (i * columns + j) * size, size);
  return {stored.dtype, Shape{stored.shape[1], stored.shape[0]}, *copy, copy};
}

class Rearranged : public Source {
 public:
  Rearranged(std::shared_ptr<const Source> source, TensorTable table) : source_(std::move(source)), table_(std::move(table)) {
    for (const auto& [name, stored] : table_)
      if (stored.layout == Layout::transposed)
        if (const auto view = find_stored(stored)) copies_[name] = transposed(*view);
  }

  std::optional<TensorView> find(const std::string& name) const override {
    if (const auto copy = copies_.find(name); copy != copies_.end()) return copy->second;
    const auto entry = table_.find(name);
    if (entry == table_.end()) return std::nullopt;
    auto view = find_stored(entry->second);
    if (!view) return std::nullopt;
    if (const int stack = stack_of(entry->second.layout); stack > 1) return part_of(*view, entry->second.part, stack);
    if (entry->second.layout == Layout::kernel_1x1) view->shape = Shape{view->shape[0], view->shape[1]};
    return view;
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, stored] : table_) out.push_back(name);
    return out;
  }
  std::string origin() const override { return source_->origin(); }
  std::map<std::string, std::string> metadata() const override { return source_->metadata(); }
  void release(const TensorView& view) const override {
    const bool copied = std::any_of(copies_.begin(), copies_.end(), [&](const auto& copy) { return copy.second.owner == view.owner; });
    if (!copied) source_->release(view);  // a copy is ordinary memory, not pages of the file
  }

 private:
  std::optional<TensorView> find_stored(const StoredTensor& stored) const {
    const auto view = source_->find(stored.name);
    if (!view) return view;
    const auto require = [&](bool ok, std::string_view wanted) {
      check(ok, ErrorKind::model, source_->origin(), ": tensor ", printable(stored.name), " is ", view->shape, ", ", wanted);
    };
    const Shape& shape = view->shape;
    if (stored.layout == Layout::transposed) require(shape.rank() == 2, "a matrix is wanted");
    if (const int stack = stack_of(stored.layout); stack > 1)
      require(shape.rank() >= 1 && shape[0] % stack == 0, stack == 3 ? "three stacked tensors are wanted" : "two stacked tensors are wanted");
    // Files saved by newer programs hold a matrix already.
    if (stored.layout == Layout::kernel_1x1)
      require(shape.rank() == 2 || (shape.rank() == 4 && shape[2] == 1 && shape[3] == 1), "a matrix or a 1x1 convolution is wanted");
    return view;
  }

  std::shared_ptr<const Source> source_;
  TensorTable table_;
  std::map<std::string, TensorView> copies_;
};

class Assembled : public Source {
 public:
  void add(const std::shared_ptr<const Source>& part, const TensorTable& table) {
    sources_.push_back(part);
    for (const auto& [name, stored] : table) {
      Entry& entry = entries_[stored.name];
      entry.layout = stored.layout;
      entry.source = part;
      entry.names[static_cast<size_t>(stored.part)] = name;
    }
  }

  std::optional<TensorView> find(const std::string& name) const override {
    const auto found = entries_.find(name);
    if (found == entries_.end()) return std::nullopt;
    const Entry& entry = found->second;
    if (stack_of(entry.layout) > 1) return stacked(name, entry);
    auto view = entry.source->find(entry.names[0]);
    if (!view || entry.layout == Layout::same) return view;
    const int rank = view->shape.rank();
    check(rank == 2 || (rank == 4 && entry.layout == Layout::kernel_1x1), ErrorKind::model, origin(), ": tensor ", entry.names[0], " is ", view->shape, ", a matrix is wanted");
    if (entry.layout == Layout::kernel_1x1) view->shape = Shape{view->shape[0], view->shape[1], 1, 1};
    return entry.layout == Layout::transposed ? transposed(*view) : view;
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, entry] : entries_) out.push_back(name);
    return out;
  }
  std::string origin() const override { return sources_.empty() ? "" : sources_.front()->origin(); }
  void release(const TensorView& view) const override {
    for (const auto& source : sources_) source->release(view);
  }

 private:
  struct Entry {
    Layout layout = Layout::same;
    std::shared_ptr<const Source> source;
    std::array<std::string, 3> names;  // a stack's parts in their order, else one
  };

  TensorView stacked(const std::string& name, const Entry& entry) const {
    const auto bytes = std::make_shared<std::vector<std::byte>>();
    TensorView all;
    const int stack = stack_of(entry.layout);
    for (int part = 0; part < stack; ++part) {
      const std::string& own = entry.names[static_cast<size_t>(part)];
      const auto view = entry.source->find(own);
      check(view && view->shape.rank() >= 1 && (bytes->empty() || (view->shape == all.shape && view->dtype == all.dtype)), ErrorKind::model, entry.source->origin(), ": ", name,
            " stacks ", stack, " equal tensors, and ", own.empty() ? "one" : own, view ? " is another" : " is missing");
      all.dtype = view->dtype;
      all.shape = view->shape;
      bytes->insert(bytes->end(), view->bytes.begin(), view->bytes.end());
      entry.source->release(*view);
    }
    all.shape[0] *= stack;
    return {all.dtype, all.shape, *bytes, bytes};
  }

  std::vector<std::shared_ptr<const Source>> sources_;
  std::map<std::string, Entry> entries_;
};

}  // namespace

std::shared_ptr<const Source> assembled(const std::map<std::string, std::shared_ptr<const Source>>& parts, const std::map<std::string, TensorTable>& tables) {
  auto out = std::make_shared<Assembled>();
  for (const auto& [part, table] : tables) out->add(parts.at(part), table);
  return out;
}

std::shared_ptr<const Source> rearranged(std::shared_ptr<const Source> source, TensorTable table) {
  return std::make_shared<Rearranged>(std::move(source), std::move(table));
}

}  // namespace imagent
