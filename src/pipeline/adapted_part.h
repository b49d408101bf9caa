// A part of a model whose weights can have LoRAs merged in, and out again, while it is loaded. There is no second copy of
// the base: what a module should be is computed from the mapped file whenever it changes.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "weights/weights.h"
#include "weights/with_lora.h"

namespace imagent {

class AdaptedPart {
 public:
  AdaptedPart(std::string part, std::shared_ptr<const Source> base) : part_(std::move(part)), base_(std::move(base)) {}

  const std::string& part() const { return part_; }
  const Source& base() const { return *base_; }

  // What the part is to be built from now, and the scope that it was built with.
  std::shared_ptr<const Source> source() const;
  void built(const Weights& weights);

  // What of a file the part has a place for. Valid until the next call.
  const LoraTargets& targets(const std::shared_ptr<const LoraFile>& file) const;

  // Of what it is to have, those that change a weight of it.
  std::vector<LoraUse> effective_uses() const;

  struct Changed {
    size_t packed = 0, kept = 0;  // modules that were packed again, and that have the adapters already
  };
  // Makes `uses` what the part has: at once where it is built, otherwise when it will be. Only modules for which something
  // changes are packed again. `before_each` may throw, as may the adapters' values: then every module has
  // either its old or its new weights, the part knows which, and the next call goes on from there.
  Changed change_to(const std::vector<LoraUse>& uses, const std::function<void()>& before_each);

 private:
  struct Change {
    std::shared_ptr<const LoraModule> module;
    LoraStrength strength;
    bool operator==(const Change&) const = default;
  };
  using Changes = std::map<std::string, std::vector<Change>>;  // by module of the part; one without changes is absent

  Changes changes_of(const std::vector<LoraUse>& uses) const;

  std::string part_;
  std::shared_ptr<const Source> base_;
  mutable std::map<std::shared_ptr<const LoraFile>, LoraTargets> targets_;
  std::optional<Weights> weights_;                 // once built
  std::vector<LoraUse> wanted_;
  Changes held_;                                   // what each packed module has
  bool complete_ = true;                           // held_ is what wanted_ asks for
};

}  // namespace imagent
