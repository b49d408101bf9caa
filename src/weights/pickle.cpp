// The pickle machine: a stack of object indices, a memo, and one loop over opcodes (Lib/pickle.py, class _Unpickler).
#include "weights/pickle.h"

#include <algorithm>
#include <limits>

#include "weights/byte_reader.h"
#include "weights/limits.h"
#include "weights/pickle_names.h"

namespace imagent {
namespace {

using Kind = PickledValue::Kind;

// Every object, reference and memo slot costs an opcode, so this bounds all memory at about 40 MB. A checkpoint needs some
// 30 opcodes a tensor.
constexpr size_t max_opcodes = 500'000;

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, const std::string& origin)
      : in_(bytes.first(std::min<size_t>(bytes.size(), std::numeric_limits<uint32_t>::max() - 1)), origin) {
    pickle_.bytes = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  Pickle run(size_t& length) {
    for (size_t count = 0; step(in_.number<uint8_t>()); ++count)
      require(count < max_opcodes, "holds a pickle of more than ", max_opcodes, " steps: no checkpoint needs so many");
    pickle_.root = pop();
    length = in_.at();
    return std::move(pickle_);
  }

 private:
  template <class... Args>
  void require(bool ok, const Args&... args) const {
    check(ok, ErrorKind::model, in_.origin(), " ", args...);
  }
  const PickledValue& value(uint32_t index) const { return pickle_.values[index]; }

  // The stack.
  void push(uint32_t index) { stack_.push_back(index); }
  void push(const PickledValue& value) {
    pickle_.values.push_back(value);
    push(static_cast<uint32_t>(pickle_.values.size() - 1));
  }
  void push(Kind kind, uint32_t first = 0, uint32_t second = 0) { push(PickledValue{kind, 0, first, second}); }
  void push_integer(int64_t integer) {
    push(Kind::integer, static_cast<uint32_t>(integer), static_cast<uint32_t>(static_cast<uint64_t>(integer) >> 32));
  }
  void push_text(uint64_t length, Kind kind = Kind::text) {
    const auto at = static_cast<uint32_t>(in_.at());
    push(kind, at, static_cast<uint32_t>(in_.text(length).size()));
  }
  uint32_t top() const {
    require(stack_.size() > floor(), "holds a damaged pickle: it takes from an empty stack");
    return stack_.back();
  }
  uint32_t pop() {
    const uint32_t index = top();
    stack_.pop_back();
    return index;
  }
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  // What was pushed since the last mark, off the stack.
  std::vector<uint32_t> pop_to_mark() {
    require(!marks_.empty(), "holds a damaged pickle: a mark is missing");
    const auto first = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
    std::vector<uint32_t> items(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return items;
  }

  bool step(uint8_t opcode);
  bool step_number(uint8_t opcode);
  bool step_text(uint8_t opcode);
  bool step_container(uint8_t opcode);
  bool step_memo(uint8_t opcode);
  bool step_object(uint8_t opcode);

  void push_long(uint64_t length);
  void push_tuple(std::span<const uint32_t> items);
  void append(uint32_t container, Kind kind, uint32_t key, uint32_t value);
  void memoize(uint32_t slot);
  void recall(uint32_t slot);
  uint32_t line();
  void name(uint32_t module, uint32_t name);
  void call();
  void ordered_dict(std::span<const uint32_t> args);
  void storage();
  void tensor(std::span<const uint32_t> args, PickleFunction function);
  std::span<const uint32_t> items(uint32_t tuple, const char* what) const;
  uint64_t size(uint32_t index, const char* what) const;
  Shape sizes(uint32_t tuple, const char* what) const;
  [[noreturn]] void refuse(const PickledValue& what) const;

  ByteReader in_;
  Pickle pickle_;
  std::vector<uint32_t> stack_, memo_;
  std::vector<size_t> marks_;
};

bool Machine::step(uint8_t opcode) {
  if (opcode == '.') return false;
  if (step_number(opcode) || step_text(opcode) || step_container(opcode) || step_memo(opcode) || step_object(opcode)) return true;
  fail(ErrorKind::model, in_.origin(), " holds a damaged pickle, or one of another kind than torch writes: opcode ", int{opcode}, " at byte ", in_.at() - 1);
}

bool Machine::step_number(uint8_t opcode) {
  switch (opcode) {
    case 'N': push(Kind::none); return true;
    case 0x88:
    case 0x89: push(Kind::boolean, opcode == 0x88); return true;
    case 'J': push_integer(in_.number<int32_t>()); return true;
    case 'K': push_integer(in_.number<uint8_t>()); return true;
    case 'M': push_integer(in_.number<uint16_t>()); return true;
    case 0x8a: push_long(in_.number<uint8_t>()); return true;
    case 0x8b: push_long(in_.number<uint32_t>()); return true;
    case 'G':
      in_.take(8);
      push(Kind::opaque);
      return true;
    default: return false;
  }
}

// A two's complement number of any length; beyond 64 bits it can count nothing and stays opaque.
void Machine::push_long(uint64_t length) {
  const auto raw = in_.take(length);
  const bool negative = !raw.empty() && (raw.back() & std::byte{0x80}) != std::byte{0};
  const std::byte sign = negative ? std::byte{0xff} : std::byte{0};
  uint64_t bits = negative ? ~uint64_t{0} : 0;
  std::memcpy(&bits, raw.data(), std::min<size_t>(raw.size(), 8));
  const bool fits = raw.size() <= 8 || (std::all_of(raw.begin() + 8, raw.end(), [&](std::byte b) { return b == sign; }) && (bits >> 63 != 0) == negative);
  if (fits)
    push_integer(static_cast<int64_t>(bits));
  else
    push(Kind::opaque);
}

bool Machine::step_text(uint8_t opcode) {
  switch (opcode) {
    case 'U':
    case 0x8c: push_text(in_.number<uint8_t>()); return true;
    case 'X':
    case 'T': push_text(in_.number<uint32_t>()); return true;
    case 0x8d: push_text(in_.number<uint64_t>()); return true;
    case 'C': push_text(in_.number<uint8_t>(), Kind::opaque); return true;
    case 'B': push_text(in_.number<uint32_t>(), Kind::opaque); return true;
    case 0x8e: push_text(in_.number<uint64_t>(), Kind::opaque); return true;
    default: return false;
  }
}

bool Machine::step_container(uint8_t opcode) {
  switch (opcode) {
    case '(': marks_.push_back(stack_.size()); return true;
    case '0': pop(); return true;
    case '1': pop_to_mark(); return true;
    case '2': push(top()); return true;
    case ')': push_tuple({}); return true;
    case 't': push_tuple(pop_to_mark()); return true;
    case 0x85:
    case 0x86:
    case 0x87: {
      uint32_t items[3];
      const size_t count = opcode - 0x84;
      for (size_t i = count; i-- > 0;) items[i] = pop();
      push_tuple(std::span(items, count));
      return true;
    }
    case ']': push(Kind::list, Pickle::end); return true;
    case '}': push(Kind::dict, Pickle::end); return true;
    case 'a': {
      const uint32_t item = pop();
      append(top(), Kind::list, Pickle::end, item);
      return true;
    }
    case 'e': {
      const auto items = pop_to_mark();
      for (const uint32_t item : items) append(top(), Kind::list, Pickle::end, item);
      return true;
    }
    case 's': {
      const uint32_t item = pop(), key = pop();
      append(top(), Kind::dict, key, item);
      return true;
    }
    case 'u': {
      const auto pairs = pop_to_mark();
      require(pairs.size() % 2 == 0, "holds a damaged pickle: a dict gets a key without a value");
      for (size_t i = 0; i < pairs.size(); i += 2) append(top(), Kind::dict, pairs[i], pairs[i + 1]);
      return true;
    }
    default: return false;
  }
}

void Machine::push_tuple(std::span<const uint32_t> items) {
  push(Kind::tuple, static_cast<uint32_t>(pickle_.items.size()), static_cast<uint32_t>(items.size()));
  pickle_.items.insert(pickle_.items.end(), items.begin(), items.end());
}

void Machine::append(uint32_t container, Kind kind, uint32_t key, uint32_t item) {
  PickledValue& to = pickle_.values[container];
  require(to.kind == kind, "holds a damaged pickle: an item is added to something that is no ", kind == Kind::list ? "list" : "dict");
  require(pickle_.entries.size() < max_opcodes, "holds a pickle of more than ", max_opcodes, " items: no checkpoint needs so many");
  const auto added = static_cast<uint32_t>(pickle_.entries.size());
  pickle_.entries.push_back({key, item, Pickle::end});
  (to.first == Pickle::end ? to.first : pickle_.entries[to.second].next) = added;
  to.second = added;
}

bool Machine::step_memo(uint8_t opcode) {
  switch (opcode) {
    case 'q': memoize(in_.number<uint8_t>()); return true;
    case 'r': memoize(in_.number<uint32_t>()); return true;
    case 0x94: memoize(static_cast<uint32_t>(memo_.size())); return true;
    case 'h': recall(in_.number<uint8_t>()); return true;
    case 'j': recall(in_.number<uint32_t>()); return true;
    default: return false;
  }
}

void Machine::memoize(uint32_t slot) {
  require(slot < max_opcodes, "holds a damaged pickle: it remembers an object under number ", slot);
  if (slot >= memo_.size()) memo_.resize(slot + 1, Pickle::end);
  memo_[slot] = top();
}

void Machine::recall(uint32_t slot) {
  require(slot < memo_.size() && memo_[slot] != Pickle::end, "holds a damaged pickle: it recalls object ", slot, ", which it never remembered");
  push(memo_[slot]);
}

bool Machine::step_object(uint8_t opcode) {
  switch (opcode) {
    case 0x80: {
      const auto protocol = in_.number<uint8_t>();
      require(protocol <= 5, "holds a pickle of the unknown protocol ", int{protocol});
      return true;
    }
    case 0x95: in_.number<uint64_t>(); return true;  // a frame: only a hint for buffered readers
    case 'c': {
      const uint32_t module = line();
      name(module, line());
      return true;
    }
    case 0x93: {
      const uint32_t what = pop(), module = pop();
      require(value(what).kind == Kind::text && value(module).kind == Kind::text, "holds a damaged pickle: a name that is no text");
      name(module, what);
      return true;
    }
    case 'R': call(); return true;
    case 'Q': storage(); return true;
    case 'b': {  // the attributes of a state dict (its modules' versions) and the content of numpy's arrays are of no use here
      const uint32_t state = pop(), object = top();
      if (value(object).kind == Kind::opaque) return true;
      if (value(object).kind != Kind::dict) refuse(value(object));
      // but a ParameterDict's parameters are what it holds
      if (const PickledValue* own = pickle_.get(value(state), "_parameters"); own && own->kind == Kind::dict)
        for (uint32_t at = own->first; at != Pickle::end; at = pickle_.entries[at].next) append(object, Kind::dict, pickle_.entries[at].key, pickle_.entries[at].value);
      return true;
    }
    case 0x81: {
      pop();
      const PickledValue callee = value(pop());
      if (callee.kind != Kind::function || static_cast<PickleFunction>(callee.id) != PickleFunction::parameter_dict) refuse(callee);
      push(Kind::dict, Pickle::end);
      return true;
    }
    default: return false;
  }
}

// The rest of the line, as a text.
uint32_t Machine::line() {
  const std::string_view rest = pickle_.bytes.substr(in_.at(), std::min<size_t>(in_.left(), 4096));
  const size_t length = rest.find('\n');
  require(length != std::string_view::npos, "holds a damaged pickle: a name without end at byte ", in_.at());
  pickle_.values.push_back({Kind::text, 0, static_cast<uint32_t>(in_.at()), static_cast<uint32_t>(length)});
  in_.take(length + 1);
  return static_cast<uint32_t>(pickle_.values.size() - 1);
}

// A pickle that makes, changes or calls something else than data.
void Machine::refuse(const PickledValue& what) const {
  const auto shown = [&](uint32_t text) { return printable(pickle_.text(value(text))); };
  const std::string name = what.kind == Kind::unknown ? str(shown(what.first), ".", shown(what.second)) : "an object of a class";
  fail(ErrorKind::model, in_.origin(), " is refused: its pickle asks for ", name, ", and a weight file may hold only tensors, dicts and numbers");
}

void Machine::name(uint32_t module, uint32_t name) {
  push(pickle_name(pickle_.text(value(module)), pickle_.text(value(name))).value_or(PickledValue{Kind::unknown, 0, module, name}));
}

std::span<const uint32_t> Machine::items(uint32_t tuple, const char* what) const {
  const PickledValue& v = value(tuple);
  require(v.kind == Kind::tuple, "holds a damaged pickle: ", what, " is no tuple");
  return std::span(pickle_.items).subspan(v.first, v.second);
}

uint64_t Machine::size(uint32_t index, const char* what) const {
  const PickledValue& v = value(index);
  require(v.kind == Kind::integer && v.integer() >= 0, "holds a tensor whose ", what, " is no count");
  return static_cast<uint64_t>(v.integer());
}

Shape Machine::sizes(uint32_t tuple, const char* what) const {
  const auto counts = items(tuple, what);
  require(counts.size() <= Shape::max_rank, "holds a tensor of ", counts.size(), " axes, at most ", Shape::max_rank, " are possible");
  int64_t values[Shape::max_rank];
  for (size_t i = 0; i < counts.size(); ++i) values[i] = static_cast<int64_t>(size(counts[i], what));
  return Shape(std::span<const int64_t>(values, counts.size()));
}

void Machine::call() {
  const uint32_t arguments = pop();
  const PickledValue callee = value(pop());
  if (callee.kind == Kind::unknown) refuse(callee);
  require(callee.kind == Kind::function, "calls something in its pickle that is no function");
  const auto args = items(arguments, "an argument list");
  const auto function = static_cast<PickleFunction>(callee.id);
  switch (function) {
    case PickleFunction::rebuild_tensor:
    case PickleFunction::rebuild_tensor_v2:
    case PickleFunction::rebuild_tensor_v3: return tensor(args, function);
    case PickleFunction::rebuild_parameter:
      require(!args.empty() && value(args[0]).kind == Kind::tensor, "holds a parameter that is no tensor");
      return push(args[0]);
    case PickleFunction::ordered_dict: return ordered_dict(args);
    case PickleFunction::parameter_dict: return push(Kind::dict, Pickle::end);
    case PickleFunction::opaque: return push(Kind::opaque);
  }
}

// OrderedDict() or, from Python 2, OrderedDict([[key, value], ...]).
void Machine::ordered_dict(std::span<const uint32_t> args) {
  const uint32_t pairs = args.empty() ? Pickle::end : args[0];
  push(Kind::dict, Pickle::end);
  if (pairs == Pickle::end) return;
  require(value(pairs).kind == Kind::list, "holds a damaged pickle: an OrderedDict is made of something that is no list");
  for (uint32_t at = value(pairs).first; at != Pickle::end; at = pickle_.entries[at].next) {
    const PickledValue& pair = value(pickle_.entries[at].value);
    const bool listed = pair.kind == Kind::list && pair.first != Pickle::end;
    require(listed && pickle_.entries[pair.first].next == pair.second, "holds a damaged pickle: an OrderedDict is made of something that is no pair");
    append(top(), Kind::dict, pickle_.entries[pair.first].value, pickle_.entries[pair.second].value);
  }
}

// Persistent ids: ("storage", class, key, device, count[, view]), where view = None or (key, first, count).
void Machine::storage() {
  const auto id = items(pop(), "a storage");
  if (id.size() > 1 && value(id[1]).kind == Kind::unknown) refuse(value(id[1]));
  require(id.size() >= 5 && value(id[0]).kind == Kind::text && pickle_.text(value(id[0])) == "storage" && value(id[1]).kind == Kind::storage_type &&
              value(id[2]).kind == Kind::text,
          "holds a damaged pickle: a storage is not described as torch does");
  require(pickle_.storages.size() < max_tensors, "holds more than ", max_tensors, " storages");
  PickledStorage storage{.key = pickle_.text(value(id[2])), .dtype = {}, .numel = size(id[4], "storage")};
  if (value(id[1]).id != untyped_storage) storage.dtype = static_cast<DType>(value(id[1]).id);
  if (id.size() > 5 && value(id[5]).kind != Kind::none) {
    const auto view = items(id[5], "the view of a storage");
    require(view.size() == 3, "holds a damaged pickle: a storage is not described as torch does");
    storage.first = size(view[1], "storage");
    storage.numel = size(view[2], "storage");
  }
  push(Kind::storage, static_cast<uint32_t>(pickle_.storages.size()));
  pickle_.storages.push_back(storage);
}

// (storage, offset, size, stride, requires_grad, hooks[, dtype])
void Machine::tensor(std::span<const uint32_t> args, PickleFunction function) {
  const bool typed = function == PickleFunction::rebuild_tensor_v3;
  require(args.size() >= (typed ? 7 : 4) && value(args[0]).kind == Kind::storage, "holds a damaged pickle: a tensor is not described as torch does");
  require(pickle_.tensors.size() < max_tensors, "holds more than ", max_tensors, " tensors");
  PickledTensor tensor{.storage = value(args[0]).first, .offset = size(args[1], "offset"), .shape = sizes(args[2], "shape"), .strides = sizes(args[3], "stride")};
  require(tensor.shape.rank() == tensor.strides.rank(), "holds a tensor with ", tensor.shape.rank(), " axes and ", tensor.strides.rank(), " strides");
  if (typed) {
    require(value(args[6]).kind == Kind::dtype, "holds a tensor whose dtype is none");
    tensor.dtype = static_cast<DType>(value(args[6]).id);
  } else {
    const auto dtype = pickle_.storages[tensor.storage].dtype;
    require(dtype.has_value(), "holds a tensor without a dtype");
    tensor.dtype = *dtype;
  }
  push(Kind::tensor, static_cast<uint32_t>(pickle_.tensors.size()));
  pickle_.tensors.push_back(tensor);
}

}  // namespace

Pickle read_pickle(std::span<const std::byte> bytes, const std::string& origin, size_t& length) {
  return Machine(bytes, origin).run(length);
}

}  // namespace imagent
