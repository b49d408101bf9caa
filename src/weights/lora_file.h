// An adapter file: low-rank and other changes of a model's weights, by module. LoRA (Hu et al. 2021), LoHa (Hyeon-Woo et
// al. 2022), LoKr (Yeh et al. 2024, LyCORIS), DoRA (Liu et al. 2024), IA3 (Liu et al. 2022), full differences.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "weights/source.h"

namespace imagent {

// The change of one module. Tensors by their part in the formulas, whatever the file's naming: "up", "down", "mid", "alpha",
// "dora_scale", "hada_w1_a", ..., "lokr_w1", ..., "diff", "diff_b", "ia3", "on_input", "w_norm", "b_norm".
struct LoraModule {
  enum class Kind { none, lora, loha, lokr, full, ia3, norm };  // what happens to the weight
  Kind kind = Kind::none;
  std::string name;                                // as in the file
  std::map<std::string, TensorView, std::less<>> tensors;
  int64_t rows = 0, columns = 0;                   // of the change as a matrix [out, in*kernel]; IA3: one of them is 1
  int64_t rank = 0;                                // 0: the kind has none
  float scale = 1;                                 // alpha / rank

  const TensorView& at(std::string_view role) const { return tensors.find(role)->second; }
  bool has(std::string_view role) const { return tensors.find(role) != tensors.end(); }
  // The change of the bias, if any.
  const TensorView* bias() const;
};

class LoraFile {
 public:
  // Errors: model, naming the tensor: one with a name that no kind of adapter has, one half of a pair, shapes that do not
  // belong together, an alpha that is no number.
  explicit LoraFile(std::shared_ptr<const Source> source);

  const std::map<std::string, LoraModule>& modules() const { return modules_; }
  std::string origin() const { return source_->origin(); }
  // A module of it was read: its pages may leave memory. Errors: those of Source::release().
  void release(const LoraModule& module) const {
    for (const auto& [role, view] : module.tensors) source_->release(view);
  }

 private:
  std::shared_ptr<const Source> source_;
  std::map<std::string, LoraModule> modules_;
};

// Any weight format. Errors: those of open_weights and of LoraFile.
std::shared_ptr<const LoraFile> open_lora(const std::filesystem::path& path);

}  // namespace imagent
