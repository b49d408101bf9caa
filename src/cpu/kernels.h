// The CPU backend's own SIMD kernels, f32 and bf16: the verbs of tensor/backend.h that oneDNN has not or does badly.
// Each computes in f32 with the widest vectors of the machine; the bytes of a result depend neither on the number of
// threads nor on the other images of the batch. All tensors of a call have one dtype unless told otherwise.
#pragma once
#include <span>

#include "tensor/backend.h"

namespace imagent::kernels {

// q [N,T,heads*D], k and v [N,S,heads*D] -> y [N,T,heads*D]; y may be q. Takes its scratch from y's backend.
void attention(Tensor& y, const Tensor& q, const Tensor& k, const Tensor& v, int heads, bool causal);

// x [N,...,C] -> act(normalised*gamma + beta); gamma, beta f32 [C]. y may be x.
void group_norm(Tensor& y, const Tensor& x, const NormParams& p, int groups, Act act);
// Over the last axis. y may be x.
void layer_norm(Tensor& y, const Tensor& x, const NormParams& p);

void unary(Tensor& y, const Tensor& x, Act act);                            // y may be x
void geglu(Tensor& y, const Tensor& x);                                     // [...,2C] -> [...,C]
void axpby(Tensor& y, float a, const Tensor& x, float b, const Tensor& z);  // a*x + b*z; y may be x or z
void concat_channels(Tensor& y, std::span<const Tensor> parts);
void upsample_nearest(Tensor& y, const Tensor& x);                          // [N,h,w,C] -> [N,H,W,C]
// Rows of table [entries,C] (f32, f16 or bf16) -> y [ids,C] (f32 or bf16). The ids are within the table.
void embed(Tensor& y, std::span<const int32_t> ids, const HostView& table);
void cast(Tensor& y, const Tensor& x);                                      // f32, bf16 and f16, both ways

}  // namespace imagent::kernels
