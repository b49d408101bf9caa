// What stays exact: vectors under quantisation, small tables, everything that is no number of a network.
// stable-diffusion.cpp model.cpp: tensor_should_be_converted.
#include "pipeline/convert_type.h"

#include <algorithm>

#include "base/str.h"

namespace imagent {
namespace {

constexpr std::pair<std::string_view, DType> plain_types[] = {
    {"f32", DType::f32}, {"f16", DType::f16}, {"bf16", DType::bf16}, {"fp8_e4m3", DType::f8_e4m3}, {"fp8_e5m2", DType::f8_e5m2}};

bool is_fp8(DType type) { return type == DType::f8_e4m3 || type == DType::f8_e5m2; }

// Embeddings of times, sizes and positions: small, and they reach everything.
bool is_delicate(const std::string& name) {
  for (const char* part : {"time_embed", "label_emb", "position", "text_projection"})
    if (name.find(part) != std::string::npos) return true;
  return false;
}

// Rows that are no multiple of 256 take the type of 32 elements a block that is next in size, as in llama.cpp (tensor_type_fallback).
const GgmlType* blocks_for(const GgmlType& wanted, int64_t row) {
  constexpr std::pair<std::string_view, std::string_view> smaller[] = {{"Q2_K", "Q4_0"}, {"Q3_K", "Q4_0"}, {"Q4_K", "Q5_0"}, {"Q5_K", "Q5_1"}, {"Q6_K", "Q8_0"}};
  if (row % wanted.block == 0) return &wanted;
  for (const auto& [from, to] : smaller)
    for (const GgmlType& type : ggml_types())
      if (from == wanted.name && to == type.name && row % type.block == 0) return &type;
  return nullptr;
}

}  // namespace

std::vector<std::string> convert_dtypes() {
  std::vector<std::string> names = {"keep"};
  for (const auto& [name, type] : plain_types) names.emplace_back(name);
  for (const GgmlType& type : ggml_types())
    if (type.quantise) names.push_back(lower_ascii(type.name));
  return names;
}

TypeRule::TypeRule(const std::string& dtype, ConvertTarget target) : target_(target), keep_(dtype == "keep") {
  if (keep_) return;
  const bool gguf = target == ConvertTarget::gguf;
  const auto* plain = std::find_if(std::begin(plain_types), std::end(plain_types), [&](const auto& row) { return row.first == dtype; });
  if (plain != std::end(plain_types)) {
    wanted_.dtype = plain->second;
    check(!gguf || !is_fp8(wanted_.dtype), ErrorKind::usage, "--dtype ", dtype, ": GGUF has no such type; q8_0 is of the same size, or write safetensors");
    return;
  }
  for (const GgmlType& type : ggml_types())
    if (type.quantise && lower_ascii(type.name) == dtype) wanted_.blocks = &type;
  check(wanted_.blocks, ErrorKind::usage, "--dtype ", dtype, ": should be one of ", join(convert_dtypes(), ", "));
  check(gguf, ErrorKind::usage, "--dtype ", dtype, ": quantised tensors are for GGUF; name an output that ends in .gguf, or take fp8_e4m3");
}

StoredType TypeRule::type_of(const std::string& name, const TensorView& tensor) const {
  const StoredType own = {tensor.dtype};
  if (!is_float(tensor.dtype)) return own;
  if (keep_) return target_ == ConvertTarget::gguf && is_fp8(tensor.dtype) ? StoredType{DType::f16} : own;  // which holds all their values
  const int rank = tensor.shape.rank();
  if (is_fp8(wanted_.dtype)) return rank < 2 ? StoredType{DType::f16} : wanted_;
  if (!wanted_.blocks) return wanted_;
  if (rank < 2) return {DType::f32};
  const GgmlType* blocks = rank == 2 && !is_delicate(name) ? blocks_for(*wanted_.blocks, tensor.shape[1]) : nullptr;
  return blocks ? StoredType{wanted_.dtype, blocks} : StoredType{DType::f16};
}

}  // namespace imagent
