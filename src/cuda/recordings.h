// Calls that were made before, recorded as CUDA graphs: one launch instead of several hundred.
#pragma once
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "cuda/device.h"
#include "tensor/backend.h"

namespace imagent::cuda {

// The first call of a kind is made as it is, and the libraries choose how they compute; the second is recorded; later ones copy
// their inputs to where the recorded call had them, and launch its graph. What recorded calls compute with is memory of their
// own, the same for all of them: they run one after another.
class Recordings {
 public:
  explicit Recordings(Device& device) : device_(device), pool_(device.make_pool(false)) {}

  // As Backend::replay(). What cannot be recorded is called as it is.
  std::vector<Tensor> run(const std::string& key, std::vector<Tensor> inputs, const Backend::Replayable& call);
  // The call that is being recorded, if one is, uses this weight: its graph is good for as long as the weight stays what it is.
  void note(const PackedPlace& weight);
  // Errors: internal, while a call is recorded: `what` cannot be.
  void refuse(const char* what) const { check(!recorded_, what, " cannot be recorded"); }

  // Gives all recordings and their memory back; later calls are recorded anew. false: there was nothing, or a call is under way.
  bool clear();
  const BufferPool& pool() const { return *pool_; }

 private:
  struct Call;
  struct Remove {
    void operator()(Call* call) const;
  };
  Call& call_of(const std::string& key, const std::vector<Tensor>& inputs);
  std::vector<Tensor> rehearse(Call& kept, const std::vector<Tensor>& inputs, const Backend::Replayable& call);
  void record(Call& kept, const std::vector<Tensor>& inputs, const Backend::Replayable& call);
  std::vector<Tensor> launch(Call& kept, const std::vector<Tensor>& inputs);
  void copy(const Tensor& to, const Tensor& from) const;
  std::vector<Tensor> copies(const std::vector<Tensor>& tensors) const;

  Device& device_;
  std::shared_ptr<BufferPool> pool_;
  std::list<std::unique_ptr<Call, Remove>> calls_;  // the latest first
  bool under_way_ = false;                          // a call that uses pool_
  Call* recorded_ = nullptr;                        // and is being recorded
};

}  // namespace imagent::cuda
