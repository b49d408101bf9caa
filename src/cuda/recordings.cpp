// Recording and launching.
#include "cuda/recordings.h"

#include <algorithm>
#include <utility>

#include "cuda/runtime.h"

namespace imagent::cuda {
namespace {

constexpr size_t most_calls = 16;

// Sets a variable for the length of a block.
template <class T>
struct For {
  T& variable;
  T before;
  For(T& variable, T value) : variable(variable), before(std::exchange(variable, value)) {}
  ~For() { variable = before; }
  For(const For&) = delete;
};

// What is queued from here on goes into a graph.
class Capture {
 public:
  explicit Capture(cudaStream_t stream) : stream_(stream) {
    // Others may allocate meanwhile; nobody else queues anything, for calls take turns on the device.
    check_cuda(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed), "recording");
  }
  ~Capture() {
    if (!ended_) cudaStreamEndCapture(stream_, &graph_);
    if (graph_) cudaGraphDestroy(graph_);
    cudaGetLastError();  // of a call that cannot be recorded: it is made as it is
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  cudaGraphExec_t finish() {
    ended_ = true;
    check_cuda(cudaStreamEndCapture(stream_, &graph_), "recording");
    cudaGraphExec_t made = nullptr;
    check_cuda(cudaGraphInstantiate(&made, graph_, 0), "preparing what was recorded");
    return made;
  }

 private:
  cudaStream_t stream_;
  cudaGraph_t graph_ = nullptr;
  bool ended_ = false;
};

}  // namespace

struct Recordings::Call {
  std::string key;
  bool rehearsed = false, refused = false;
  std::vector<Tensor> inputs, outputs;  // of the recorded call
  std::vector<PackedPlace::Seen> weights;
  cudaGraphExec_t graph = nullptr;

  ~Call() { forget(); }
  bool is_good() const {
    return graph && std::all_of(weights.begin(), weights.end(), [](const auto& weight) { return weight.still_there(); });
  }
  // The graph must not be running.
  void forget() {
    if (graph) cudaGraphExecDestroy(std::exchange(graph, nullptr));
    inputs.clear();
    outputs.clear();
    weights.clear();
  }
};

void Recordings::Remove::operator()(Call* call) const { delete call; }

Recordings::Call& Recordings::call_of(const std::string& key, const std::vector<Tensor>& inputs) {
  std::string wanted = key;
  for (const Tensor& x : inputs) wanted += str(' ', name_of(x.dtype()), x.shape());
  for (auto call = calls_.begin(); call != calls_.end(); ++call)
    if ((*call)->key == wanted) {
      calls_.splice(calls_.begin(), calls_, call);
      return *calls_.front();
    }
  if (calls_.size() == most_calls) {
    device_.synchronize();
    calls_.pop_back();
  }
  calls_.emplace_front(new Call);
  calls_.front()->key = wanted;
  return *calls_.front();
}

std::vector<Tensor> Recordings::run(const std::string& key, std::vector<Tensor> inputs, const Backend::Replayable& call) {
  if (under_way_) return call(std::move(inputs));  // a part of that
  Call* kept = &call_of(key, inputs);
  if (kept->refused) return call(std::move(inputs));
  try {
    if (!kept->rehearsed) return rehearse(*kept, inputs, call);
    if (!kept->is_good()) record(*kept, inputs, call);
    return launch(*kept, inputs);
  } catch (const Error& error) {
    if (error.kind == ErrorKind::cancelled) throw;
    if (error.kind == ErrorKind::memory && clear()) kept = &call_of(key, inputs);
  }
  kept->refused = true;
  return call(std::move(inputs));  // what else is wrong shows here
}

std::vector<Tensor> Recordings::rehearse(Call& kept, const std::vector<Tensor>& inputs, const Backend::Replayable& call) {
  const For flag(under_way_, true);
  const Device::OtherPool memory(device_, *pool_);
  std::vector<Tensor> outputs = call(inputs);
  kept.rehearsed = true;
  return outputs;
}

void Recordings::record(Call& kept, const std::vector<Tensor>& inputs, const Backend::Replayable& call) {
  device_.synchronize();
  kept.forget();
  const For flag(under_way_, true);
  const Device::OtherPool memory(device_, *pool_);
  kept.inputs = copies(inputs);
  const For recorded(recorded_, &kept);
  Capture capture(device_.stream());
  kept.outputs = call(kept.inputs);
  kept.graph = capture.finish();
}

std::vector<Tensor> Recordings::launch(Call& kept, const std::vector<Tensor>& inputs) {
  const For flag(under_way_, true);  // room for the copies must not be made of what they are copies of
  for (size_t i = 0; i < inputs.size(); ++i) copy(kept.inputs[i], inputs[i]);
  check_cuda(cudaGraphLaunch(kept.graph, device_.stream()), "launching what was recorded");
  return copies(kept.outputs);
}

void Recordings::copy(const Tensor& to, const Tensor& from) const {
  check_cuda(cudaMemcpyAsync(to.data(), from.data(), from.bytes(), cudaMemcpyDeviceToDevice, device_.stream()), "copying on the card");
}

std::vector<Tensor> Recordings::copies(const std::vector<Tensor>& tensors) const {
  std::vector<Tensor> made;
  for (const Tensor& x : tensors) copy(made.emplace_back(x.like(x.shape())), x);
  return made;
}

void Recordings::note(const PackedPlace& weight) {
  if (recorded_) recorded_->weights.push_back(weight.seen());
}

bool Recordings::clear() {
  if (under_way_ || calls_.empty()) return false;
  device_.synchronize();
  calls_.clear();
  pool_->release();
  return true;
}

}  // namespace imagent::cuda
