// Attention: packs one image's keys and values, then computes blocks of queries in any order.
#include <cmath>

#include "cpu/kernels.h"
#include "cpu/simd_kernels.h"

namespace imagent::cpu {
namespace {

int64_t round_up(int64_t x, int64_t to) { return (x + to - 1) / to * to; }

// One image of the batch.
struct Job {
  const AttentionKernels& kernels;
  const AttentionInput& in;
  Tensor& y;
  int64_t image;
  uint32_t *keys, *values, *workspaces;

  int64_t queries = in.q.dim(1), key_count = in.k.dim(1), channels = in.q.dim(2), width = channels / in.heads;
  int64_t key_words = kernels.key_words(key_count, width), value_words = kernels.value_words(key_count, width);
  int64_t workspace_words = round_up(kernels.workspace_words(width), 16);

  void* at(const Tensor& x, int64_t row, int64_t head) const {
    return static_cast<char*>(x.data()) + ((image * x.dim(1) + row) * channels + head * width) * static_cast<int64_t>(size_of(x.dtype()));
  }

  void pack(int64_t head, int64_t block) const {
    kernels.pack({.k = at(in.k, 0, head), .v = at(in.v, 0, head), .stride = channels, .keys = key_count, .width = width, .block = block,
                  .packed_keys = keys + head * key_words, .packed_values = values + head * value_words});
  }
  void compute(int64_t head, int64_t block, int thread) const {
    const int64_t first = block * kernels.queries;
    kernels.block({.q = at(in.q, first, head), .y = at(y, first, head), .stride = channels, .first = first,
                   .queries = std::min<int64_t>(kernels.queries, queries - first), .keys = key_count, .width = width,
                   .scale = static_cast<float>(1.4426950408889634 / std::sqrt(static_cast<double>(width))),
                   .packed_keys = keys + head * key_words, .packed_values = values + head * value_words, .causal = in.causal,
                   .workspace = workspaces + thread * workspace_words});
  }
};

}  // namespace

void attention(ThreadPool& pool, Tensor& y, const AttentionInput& in) {
  const AttentionKernels& kernels = simd_kernels(y.dtype()).attention;
  if (y.numel() == 0) return;
  check(in.k.dim(1) > 0, "attention: there are no keys");
  Job job{.kernels = kernels, .in = in, .y = y, .image = 0, .keys = nullptr, .values = nullptr, .workspaces = nullptr};
  const int64_t key_words = round_up(in.heads * job.key_words, 16), value_words = round_up(in.heads * job.value_words, 16);
  const int64_t words = key_words + value_words + pool.threads() * job.workspace_words;
  const std::shared_ptr<Buffer> scratch = y.backend().allocate(static_cast<size_t>(words) * sizeof(uint32_t));
  job.keys = static_cast<uint32_t*>(scratch->data);
  job.values = job.keys + key_words;
  job.workspaces = job.values + value_words;

  const int64_t key_blocks = (job.key_count + kernels.key_block - 1) / kernels.key_block;
  const int64_t query_blocks = (job.queries + kernels.queries - 1) / kernels.queries;
  // While the keys of all heads stay in a cache, all heads of a block of queries come one after another: they share its lines.
  const bool keys_are_few = (key_words + value_words) * static_cast<int64_t>(sizeof(uint32_t)) <= 512 * 1024;
  const int64_t heads_a_piece = keys_are_few ? in.heads : 1;
  for (; job.image < y.dim(0); ++job.image) {
    pool.run(in.heads * key_blocks, [&](int64_t i, int) { job.pack(i / key_blocks, i % key_blocks); });
    pool.run(in.heads / heads_a_piece * query_blocks, [&](int64_t i, int thread) {
      for (int64_t head = 0; head < heads_a_piece; ++head) job.compute(i / query_blocks + head, i % query_blocks, thread);
    });
  }
}

}  // namespace imagent::cpu
