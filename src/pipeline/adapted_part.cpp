// Exchanging the packed weights of a loaded part.
#include "pipeline/adapted_part.h"

#include <set>

namespace imagent {

std::shared_ptr<const Source> AdaptedPart::source() const {
  return wanted_.empty() ? base_ : with_lora(base_, part_, wanted_, MergedType::f32);
}

void AdaptedPart::built(const Weights& weights) {
  weights_ = weights;
  held_ = changes_of(wanted_);
  complete_ = true;
}

const LoraTargets& AdaptedPart::targets(const std::shared_ptr<const LoraFile>& file) const {
  constexpr size_t keep = 32;
  const auto found = targets_.find(file);
  if (found != targets_.end()) return found->second;
  LoraTargets targets = lora_targets(*file, part_, *base_);
  if (targets_.size() >= keep) targets_.clear();
  return targets_.emplace(file, std::move(targets)).first->second;
}

std::vector<LoraUse> AdaptedPart::effective_uses() const {
  std::vector<LoraUse> uses;
  for (const LoraUse& use : wanted_) {
    const LoraTargets& found = targets(use.file);
    if (use.strength.multiplier != 0 && (!found.weights.empty() || !found.biases.empty())) uses.push_back(use);
  }
  return uses;
}

AdaptedPart::Changes AdaptedPart::changes_of(const std::vector<LoraUse>& uses) const {
  Changes changes;
  for (const LoraUse& use : uses) {
    if (use.strength.multiplier == 0) continue;
    const LoraTargets& found = targets(use.file);
    std::map<std::string, const LoraModule*> modules;  // a weight and its bias are packed together
    for (const auto* tensors : {&found.weights, &found.biases})
      for (const auto& [tensor, module] : *tensors) modules[tensor.substr(0, tensor.rfind('.'))] = module;
    for (const auto& [name, module] : modules)
      changes[name].push_back({std::shared_ptr<const LoraModule>(use.file, module), use.strength});
  }
  return changes;
}

AdaptedPart::Changed AdaptedPart::change_to(const std::vector<LoraUse>& uses, const std::function<void()>& before_each) {
  if (complete_ && uses == wanted_) return {0, held_.size()};
  wanted_ = uses;
  if (!weights_) return {};
  complete_ = false;
  const Changes wanted = changes_of(uses);
  const auto merged = source();
  std::set<std::string> modules;
  for (const auto& [name, change] : held_) modules.insert(name);
  for (const auto& [name, change] : wanted) modules.insert(name);
  const std::vector<Change> none;
  Changed result;
  for (const std::string& name : modules) {
    const auto old = held_.find(name);
    const auto fresh = wanted.find(name);
    const std::vector<Change>& next = fresh == wanted.end() ? none : fresh->second;
    if (old != held_.end() && old->second == next) {
      ++result.kept;
      continue;
    }
    if (before_each) before_each();
    weights_->repack(name, merged);
    if (next.empty())
      held_.erase(name);
    else
      held_[name] = next;
    ++result.packed;
  }
  complete_ = true;
  return result;
}

}  // namespace imagent
