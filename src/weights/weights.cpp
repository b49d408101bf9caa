// Walking a checkpoint.
#include "weights/weights.h"

#include <algorithm>

#include "base/printable.h"

namespace imagent {
namespace {

HostView host_view(const TensorView& view) { return {view.dtype, view.shape, view.bytes.data(), view.owner}; }

std::string listed(const std::vector<std::string>& names) {
  constexpr size_t most = 8;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), most); ++i) text += (i ? ", " : "") + printable(names[i]);
  if (names.size() > most) text += str(" and ", names.size() - most, " more");
  return text;
}

}  // namespace

Weights::Weights(std::shared_ptr<const Source> source, Backend& backend, DType compute)
    : source_(std::move(source)), ledger_(std::make_shared<Ledger>()), backend_(&backend), compute_(compute) {
  ledger_->names = source_->names();
}

Weights Weights::operator/(std::string_view name) const {
  Weights scope = *this;
  scope.prefix_ = full(name);
  return scope;
}
Weights Weights::operator/(int index) const { return *this / std::to_string(index); }

std::string Weights::full(std::string_view name) const { return prefix_.empty() ? std::string(name) : str(prefix_, ".", name); }

bool Weights::has(std::string_view name) const {
  const std::string wanted = full(name);
  const auto found = std::lower_bound(ledger_->names.begin(), ledger_->names.end(), wanted);
  if (found != ledger_->names.end() && *found == wanted) return true;
  const std::string scope = wanted + ".";
  const auto below = std::lower_bound(ledger_->names.begin(), ledger_->names.end(), scope);
  return below != ledger_->names.end() && below->starts_with(scope);
}

std::optional<TensorView> Weights::take(std::string_view name, bool required) const {
  const std::string wanted = full(name);
  auto view = source_->find(wanted);
  if (view) {
    ledger_->asked.insert(wanted);
    check(is_float(view->dtype), ErrorKind::model, source_->origin(), ": tensor ", wanted, " is ", name_of(view->dtype), ", a float dtype is wanted");
  } else if (required) {
    ledger_->missing.insert(wanted);
  }
  return view;
}

Packed Weights::pack_product(bool conv) const {
  const auto weight = take("weight", true), bias = take("bias", false);
  if (!weight) return {};
  HostView view = host_view(*weight);
  const Shape& shape = view.shape;
  const bool kernel_1x1 = shape.rank() == 4 && shape[2] == 1 && shape[3] == 1;
  check(conv ? shape.rank() == 4 : shape.rank() == 2 || kernel_1x1, ErrorKind::model, source_->origin(), ": tensor ", full("weight"), " is ", shape,
        conv ? ", a convolution wants [out,in,h,w]" : ", a linear layer wants [out,in]");
  check(shape.numel() > 0, ErrorKind::model, source_->origin(), ": tensor ", full("weight"), " is empty");
  check(!bias || bias->shape == Shape{shape[0]}, ErrorKind::model, source_->origin(), ": tensor ", full("bias"), " does not fit its weight ", shape);
  if (!conv) view.shape = Shape{shape[0], shape[1]};
  const HostView bias_view = bias ? host_view(*bias) : HostView{};
  const Packed packed = conv ? backend_->pack_conv2d(view, bias_view, compute_) : backend_->pack_linear(view, bias_view, compute_);
  source_->release(*weight);
  return packed;
}

Packed Weights::pack_table() const {
  const auto weight = take("weight", true);
  if (!weight) return {};
  check(weight->shape.rank() == 2, ErrorKind::model, source_->origin(), ": tensor ", full("weight"), " is ", weight->shape, ", a table wants [entries,channels]");
  return backend_->pack_table(host_view(*weight), compute_);
}

Packed Weights::pack(Kind kind) const { return kind == Kind::table ? pack_table() : pack_product(kind == Kind::conv2d); }

Packed Weights::packed(Kind kind) const {
  const Packed packed = pack(kind);
  if (!packed) return packed;
  ledger_->packed_bytes += packed.bytes;
  ledger_->slots.emplace(prefix_, Slot{kind, packed, {}});
  return packed;
}

Packed Weights::linear() const { return packed(Kind::linear); }
Packed Weights::conv2d() const { return packed(Kind::conv2d); }
Packed Weights::table() const { return packed(Kind::table); }

NormParams Weights::norm(float eps) const {
  NormParams params{{}, {}, eps};
  for (auto [name, to] : {std::pair{"weight", &params.gamma}, std::pair{"bias", &params.beta}}) {
    const std::vector<float> elements = values(name);
    if (elements.empty()) continue;
    *to = Tensor(*backend_, {static_cast<int64_t>(elements.size())}, DType::f32);
    backend_->upload(*to, elements.data());
    ledger_->packed_bytes += to->bytes();
  }
  ledger_->slots.emplace(prefix_, Slot{Kind::norm, {}, params});
  return params;
}

std::vector<float> Weights::values(std::string_view name) const {
  const auto view = take(name, true);
  if (!view) return {};
  check(view->shape.rank() == 1, ErrorKind::model, source_->origin(), ": tensor ", full(name), " is ", view->shape, ", a vector is wanted");
  return to_f32(*view);
}

Tensor Weights::parameter(std::string_view name) const {
  const auto view = take(name, true);
  if (!view) return {};
  Tensor tensor(*backend_, view->shape, DType::f32);
  backend_->upload(tensor, to_f32(*view).data());
  ledger_->packed_bytes += tensor.bytes();
  return tensor;
}

void Weights::repack(const std::string& module, const std::shared_ptr<const Source>& source) const {
  Weights from = *this;
  from.source_ = source;
  from.prefix_ = module;
  const auto [first, last] = ledger_->slots.equal_range(module);
  for (auto entry = first; entry != last; ++entry) {
    Slot& slot = entry->second;
    if (slot.kind == Kind::norm) {
      const std::vector<float> gamma = from.values("weight"), beta = from.values("bias");
      check(static_cast<int64_t>(gamma.size()) == slot.norm.gamma.numel() && gamma.size() == beta.size(), "repack: another size of ", module);
      backend_->upload(slot.norm.gamma, gamma.data());
      backend_->upload(slot.norm.beta, beta.data());
    } else {
      const Packed fresh = from.pack(slot.kind);
      check(fresh && fresh.in == slot.packed.in && fresh.out == slot.packed.out, "repack: another size of ", module);
      slot.packed.data.take(fresh.data);
      ledger_->packed_bytes += fresh.bytes - slot.packed.bytes;
      slot.packed.bytes = fresh.bytes;
    }
  }
}

Shape Weights::shape(std::string_view name) const {
  const auto view = source_->find(full(name));
  return view ? view->shape : Shape{};
}

void Weights::finish(const std::vector<std::string>& unneeded) const {
  if (!ledger_->missing.empty())
    fail(ErrorKind::model, source_->origin(), " lacks ", ledger_->missing.size(), " tensors that this model needs: ",
         listed({ledger_->missing.begin(), ledger_->missing.end()}));
  std::vector<std::string> unused;
  for (const std::string& name : ledger_->names) {
    const bool known = std::any_of(unneeded.begin(), unneeded.end(), [&](const std::string& prefix) { return name.starts_with(prefix); });
    if (!known && !ledger_->asked.contains(name)) unused.push_back(name);
  }
  if (!unused.empty())
    fail(ErrorKind::model, source_->origin(), " holds ", unused.size(), " tensors that this kind of model has no place for: ", listed(unused));
}

}  // namespace imagent
