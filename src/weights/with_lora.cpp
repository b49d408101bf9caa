// Matching adapters with a part of a model, and its weights with them.
#include "weights/with_lora.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "weights/byte_reader.h"
#include "weights/lora_names.h"

namespace imagent {
namespace {

// A tensor of the base under its own dtype again.
TensorView narrowed(std::vector<float> values, const TensorView& base, MergedType type) {
  const bool writable = base.dtype == DType::f16 || base.dtype == DType::bf16;
  const DType dtype = type == MergedType::base && writable ? base.dtype : DType::f32;
  if (dtype == DType::f32) {
    const auto kept = std::make_shared<std::vector<float>>(std::move(values));
    return {dtype, base.shape, std::as_bytes(std::span(*kept)), kept};
  }
  const auto bytes = std::make_shared<std::vector<std::byte>>(values.size() * size_of(dtype));
  narrow_from_f32(dtype, values.data(), bytes->data(), values.size());
  return {dtype, base.shape, *bytes, bytes};
}

class WithLora : public Source {
 public:
  struct Change {
    std::shared_ptr<const LoraFile> file;  // owns the module
    const LoraModule* module;
    LoraStrength strength;
    bool bias;
  };

  WithLora(std::shared_ptr<const Source> base, MergedType type) : base_(std::move(base)), type_(type) {}

  void add(const std::string& tensor, Change change) { changes_[tensor].push_back(std::move(change)); }

  std::optional<TensorView> find(const std::string& name) const override {
    auto view = base_->find(name);
    const auto changes = changes_.find(name);
    if (!view || changes == changes_.end()) return view;
    std::vector<float> values = to_f32(*view);
    for (const Change& change : changes->second) {
      if (change.bias)
        add_scaled(values, *change.module->bias(), change.strength.multiplier);
      else
        merge_lora(values, view->shape, *change.module, change.strength);
      change.file->release(*change.module);
      check(std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }), ErrorKind::model, change.file->origin(), ": ",
            printable(change.module->name), " gives ", name, " values that are not finite numbers");
    }
    base_->release(*view);
    return narrowed(std::move(values), *view, type_);
  }
  std::vector<std::string> names() const override { return base_->names(); }
  std::string origin() const override { return base_->origin(); }
  std::map<std::string, std::string> metadata() const override { return base_->metadata(); }
  void release(const TensorView& view) const override { base_->release(view); }

 private:
  std::shared_ptr<const Source> base_;
  MergedType type_;
  std::map<std::string, std::vector<Change>> changes_;
};

// "" when both the weight and the bias of a module can be changed as the file wants.
std::string misfit_of_module(const LoraModule& change, const std::optional<TensorView>& weight, const std::optional<TensorView>& bias) {
  if (change.kind != LoraModule::Kind::none && !weight) return "the layer has no weight";
  if (change.bias() && !bias) return "the layer has no bias";
  if (change.bias() && change.bias()->shape.numel() != bias->shape.numel())
    return str("changes a bias of ", change.bias()->shape.numel(), " values, the layer's has ", bias->shape.numel());
  return weight ? misfit(change, weight->shape) : "";
}

}  // namespace

LoraTargets lora_targets(const LoraFile& file, const std::string& part, const Source& base) {
  const auto names = lora_module_names(part, base.names());
  LoraTargets targets;
  std::set<std::string> taken;
  for (const auto& [name, change] : file.modules()) {
    const auto found = names.find(name);
    if (found == names.end()) continue;
    const std::string weight = found->second + ".weight", bias = found->second + ".bias";
    check(taken.insert(weight).second, ErrorKind::model, file.origin(), ": ", printable(name), " changes a layer that another of its modules changes too");
    const std::string why = misfit_of_module(change, base.find(weight), base.find(bias));
    if (!why.empty())
      targets.misfits[name] = why;
    else {
      if (change.kind != LoraModule::Kind::none) targets.weights[weight] = &change;
      if (change.bias()) targets.biases[bias] = &change;
    }
  }
  return targets;
}

LoraCoverage lora_coverage(const LoraFile& file, const std::vector<const LoraTargets*>& parts) {
  std::set<const LoraModule*> applied;
  std::map<std::string, std::string> misfits;
  for (const LoraTargets* part : parts) {
    for (const auto* targets : {&part->weights, &part->biases})
      for (const auto& [tensor, module] : *targets) applied.insert(module);
    misfits.insert(part->misfits.begin(), part->misfits.end());
  }
  LoraCoverage coverage{file.modules().size(), applied.size(), {}};
  for (const auto& [name, module] : file.modules()) {
    if (applied.contains(&module)) continue;
    const auto misfit = misfits.find(name);
    coverage.misfits.push_back(misfit == misfits.end() ? printable(name) : str(printable(name), " (", misfit->second, ")"));
  }
  return coverage;
}

void require_complete(const LoraCoverage& coverage, const LoraFile& file, const std::string& model) {
  if (coverage.misfits.empty()) return;
  constexpr size_t most = 4;
  std::vector<std::string> listed(coverage.misfits.begin(), coverage.misfits.begin() + static_cast<ptrdiff_t>(std::min(most, coverage.misfits.size())));
  if (coverage.misfits.size() > most) listed.push_back(str("and ", coverage.misfits.size() - most, " more"));
  const bool other_family = coverage.applied * 2 < coverage.modules;
  fail(ErrorKind::model, file.origin(), ": ", coverage.applied, " of ", coverage.modules, " modules fit ", model,
       other_family ? ", it is made for another kind of model" : "", "; no place for ", join(listed, ", "));
}

std::shared_ptr<const Source> with_lora(std::shared_ptr<const Source> base, const std::string& part, const std::vector<LoraUse>& uses, MergedType type) {
  const auto source = std::make_shared<WithLora>(base, type);
  for (const LoraUse& use : uses) {
    if (use.strength.multiplier == 0) continue;
    const LoraTargets targets = lora_targets(*use.file, part, *base);
    for (const auto& [tensor, module] : targets.weights) source->add(tensor, {use.file, module, use.strength, false});
    for (const auto& [tensor, module] : targets.biases) source->add(tensor, {use.file, module, use.strength, true});
  }
  return source;
}

}  // namespace imagent
