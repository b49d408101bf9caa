// The CPU backend's own SIMD kernels, f32 and bf16: the verbs of tensor/backend.h that oneDNN has not or does badly.
// Each computes in f32 with the widest vectors of the machine; the bytes of a result depend neither on the number of
// threads nor on the other images of the batch. All tensors of a call have one dtype unless told otherwise.
#pragma once
#include <span>

#include "cpu/parallel.h"
#include "tensor/backend.h"

namespace imagent::cpu {

struct AttentionInput {
  const Tensor &q, &k, &v;  // q [N,T,heads*D], k and v [N,S,heads*D]
  int heads;
  bool causal;              // query t sees the keys 0..t
};
// -> y [N,T,heads*D]; y may be q. Takes its scratch (about the size of one image's k and v) from y's backend.
void attention(ThreadPool& pool, Tensor& y, const AttentionInput& in);

struct GroupNormInput {
  const Tensor& x;  // [N,...,C]
  const NormParams& p;
  int groups;
  Act act;
};
void group_norm(ThreadPool& pool, Tensor& y, const GroupNormInput& in);  // y may be x
// x [N,...,C] -> y f32 [N,groups,2]: mean and variance.
void group_statistics(ThreadPool& pool, Tensor& y, const Tensor& x, int groups);
// Over the last axis. y may be x.
void layer_norm(ThreadPool& pool, Tensor& y, const Tensor& x, const NormParams& p);

void unary(ThreadPool& pool, Tensor& y, const Tensor& x, Act act);  // y may be x
void geglu(ThreadPool& pool, Tensor& y, const Tensor& x);           // [...,2C] -> [...,C]

struct WeightedSum {  // a*x + b*z
  float a;
  const Tensor& x;
  float b;
  const Tensor& z;
};
void axpby(ThreadPool& pool, Tensor& y, const WeightedSum& sum);    // y may be x or z

void scale_pixels(ThreadPool& pool, Tensor& y, const Tensor& x, const Tensor& scale);  // x [N,...,C] times f32 [...]; y may be x

void concat_channels(ThreadPool& pool, Tensor& y, std::span<const Tensor> parts);
void upsample_nearest(ThreadPool& pool, Tensor& y, const Tensor& x);  // [N,h,w,C] -> [N,H,W,C]
void wrap(ThreadPool& pool, Tensor& y, const Tensor& x, const Border& border);
// Rows of table [entries,C] (any float dtype) -> y [ids,C]. The ids are within the table.
void cast(ThreadPool& pool, Tensor& y, const Tensor& x);              // f32, bf16 and f16, both ways

}  // namespace imagent::cpu
