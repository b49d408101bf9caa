// Joining the statistics of tiles.
#include "nn/layers.h"

namespace imagent {

void GroupMoments::add(const Tensor& x, int groups) {
  check(x.dim(0) == 1, "the moments of ", x.dim(0), " pictures are asked for as one");
  const std::vector<float> values = download(group_statistics(x, groups));
  const auto count = static_cast<double>(x.numel() / groups);
  groups_.resize(static_cast<size_t>(groups));
  for (size_t g = 0; g < groups_.size(); ++g) {
    Moments& all = groups_[g];
    const double mean = values[2 * g], total = all.count + count, difference = mean - all.mean;
    all.squares += count * values[2 * g + 1] + difference * difference * all.count * count / total;
    all.mean += difference * count / total;
    all.count = total;
  }
}

Tensor GroupMoments::statistics(Backend& backend) const {
  std::vector<float> values;
  for (const Moments& group : groups_) {
    values.push_back(static_cast<float>(group.mean));
    values.push_back(static_cast<float>(group.squares / group.count));
  }
  return upload(backend, {static_cast<int64_t>(groups_.size()), 2}, values);
}

}  // namespace imagent
