// Attention that never holds the score matrix: for one block of queries, all keys in blocks, with softmax as a running sum
// (Dao et al. 2022, "FlashAttention"; Milakov & Gimelshein 2018, "Online normalizer calculation for softmax").
// What is subtracted from a score only has to keep 2^x in range, so it is no exact maximum but that of the first few keys,
// raised for a whole block of keys in the rare case that a score passes it by far. So scores go from registers into
// 2^x at once and are never stored. The last row of the packed values is 1 for every key: its product is softmax's sum, made of
// the very probabilities, rounded for bf16, that weigh the values.
#pragma once
#include "cpu/attention_kernels.h"
#include "cpu/simd.h"

namespace imagent::cpu {
namespace {

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// What is subtracted from scores may be `headroom` too small, or 86 too large: probabilities are made 2^headroom times
// smaller than they are, by the coefficients of 2^x (taken from the score itself it would cost digits).
constexpr int headroom = 40;
constexpr float unit = 0x1p-40f, lowest = headroom - 126;

constexpr float exp2_to_1e7[] = {0.99999994f * unit,  0.6931531f * unit,   0.24015361f * unit,
                                 0.055826318f * unit, 0.008989345f * unit, 0.0018775734f * unit};
constexpr float exp2_to_7e5[] = {0.99992514f * unit, 0.69583386f * unit, 0.22606714f * unit, 0.07802411f * unit};

// Products of f32 words, of tensors of f32 or bf16.
template <class T>
struct F32Words {
  using Element = T;
  static constexpr int step = 1, key_block = 72;
  static Float dot(Float sum, Float a, Float b) { return fma(a, b, sum); }
  static constexpr const float* exp2_table = exp2_to_1e7;
  static Float probabilities(const Float* x, const float* table) { return exp2<5>(x[0], table, lowest); }
  static void key_words(uint32_t* to, const T* key, int64_t width) {
    for_vectors(width, [&](int64_t d, auto part) { part.store(reinterpret_cast<float*>(to) + d, part.load(key + d)); });
  }
  static void value_words(uint32_t* to, const T* value, const T*, int64_t width) { key_words(to, value, width); }
  static uint32_t one(int64_t) { return 0x3f800000; }
  static void store_query(uint32_t* to, Float x) { store(reinterpret_cast<float*>(to), x); }
};

#if defined(__AVX512BF16__)
// Products of pairs of bf16.
struct Bf16Words {
  using Element = Bf16;
  static constexpr int step = 2, key_block = 96;
  static Float dot(Float sum, Float a, Float b) { return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b); }
  static constexpr const float* exp2_table = exp2_to_7e5;
  // Cut to bf16, not rounded: the error is as wide, and its mean drops out since softmax's sum has it too.
  static Float probabilities(const Float* x, const float* table) {
    const Float even = exp2<3>(x[0], table, lowest), odd = exp2<3>(x[1], table, lowest);
    const __m512i upper_halves = _mm512_set4_epi32(0x0f0e, 0x0b0a, 0x0706, 0x0302);
    return (Float)_mm512_mask_shuffle_epi8((__m512i)odd, 0x3333333333333333, (__m512i)even, upper_halves);
  }
  static void key_words(uint32_t* to, const Bf16* key, int64_t width) {
    if (width % 2) to[width / 2] = 0;
    std::memcpy(to, key, static_cast<size_t>(width) * sizeof(Bf16));
  }
  static void value_words(uint32_t* to, const Bf16* even, const Bf16* odd, int64_t width) {
    for_vectors(width, [&](int64_t d, auto part) {
      const Int pairs = (Int)((Uint)bits_of(part.load(even + d)) >> 16) | (odd ? bits_of(part.load(odd + d)) : Int{});
      part.store(reinterpret_cast<float*>(to) + d, from_bits(pairs));
    });
  }
  static uint32_t one(int64_t keys) { return keys > 1 ? 0x3f803f80 : 0x3f80; }
  static void store_query(uint32_t* to, Float x) { store(reinterpret_cast<Bf16*>(to), x); }
};
#endif

// to[c][r] = from[r][c] for words; rows and columns are multiples of 4.
inline void transpose(float* to, int64_t to_stride, const float* from, int64_t from_stride, int64_t rows, int64_t columns) {
  for (int64_t c = 0; c < columns; c += 4)
    for (int64_t r = 0; r < rows; r += 4) {
      __m128 a = _mm_loadu_ps(from + r * from_stride + c), b = _mm_loadu_ps(from + (r + 1) * from_stride + c);
      __m128 d = _mm_loadu_ps(from + (r + 2) * from_stride + c), e = _mm_loadu_ps(from + (r + 3) * from_stride + c);
      _MM_TRANSPOSE4_PS(a, b, d, e);
      _mm_storeu_ps(to + c * to_stride + r, a);
      _mm_storeu_ps(to + (c + 1) * to_stride + r, b);
      _mm_storeu_ps(to + (c + 2) * to_stride + r, d);
      _mm_storeu_ps(to + (c + 3) * to_stride + r, e);
    }
}

template <class W>
struct Attention {
  using Element = typename W::Element;
  static constexpr int tile = 6, step = W::step, key_block = W::key_block, most_vectors = lanes == 16 ? 4 : 2;

  static Float broadcast(const uint32_t* word) {
    float value;
    std::memcpy(&value, word, sizeof(value));
    return set(value);
  }

  static void pack(const AttentionPack& a) {
    const int64_t padded = (a.keys + tile - 1) / tile * tile, depth = (a.width + step - 1) / step, first = a.block * key_block;
    const int64_t count = smaller(key_block, padded - first);
    pack_keys(a, first, count, depth);
    pack_values(a, first, count);
  }

  // [key][depth]
  static void pack_keys(const AttentionPack& a, int64_t first, int64_t count, int64_t depth) {
    for (int64_t key = first; key < first + count; ++key)
      W::key_words(a.packed_keys + key * depth, static_cast<const Element*>(a.k) + smaller(key, a.keys - 1) * a.stride, a.width);
  }

  // [keys / step][width, 1]
  static void pack_values(const AttentionPack& a, int64_t first, int64_t count) {
    for (int64_t key = first; key < first + count; key += step) {
      uint32_t* to = a.packed_values + key / step * (a.width + 1);
      const auto* value = static_cast<const Element*>(a.v) + key * a.stride;
      const int64_t present = a.keys - key;
      if (present > 0) W::value_words(to, value, present > 1 ? value + a.stride : nullptr, a.width);
      if (present <= 0) std::memset(to, 0, static_cast<size_t>(a.width) * sizeof(uint32_t));
      to[a.width] = present > 0 ? W::one(present) : 0;
    }
  }

  // One block of queries, `vectors` vectors of them.
  template <int vectors>
  struct Block {
    static constexpr int queries = vectors * lanes;
    const AttentionBlock& a;
    const int64_t depth = (a.width + step - 1) / step, rows = a.width + 1;
    float* const q = reinterpret_cast<float*>(a.workspace);     // [depth][queries]
    float* const p = q + depth * queries;                       // [keys of a block / step][queries]
    float* const sums = p + key_block / step * queries;         // [rows][queries]
    float* const lines = sums + rows * queries;                 // [queries][width], on their way in and out
    const int64_t line = (depth + 3) / 4 * 4, out_line = (a.width + 3) / 4 * 4;
    Float reference[vectors];                                   // what is subtracted from scores

    using Scores = Float[tile][vectors];

    void load_queries() {
      for (int64_t t = 0; t < a.queries; ++t) {  // a row's last vector may reach into the next row, which comes later
        auto* to = reinterpret_cast<uint32_t*>(lines + t * line);
        const auto* from = static_cast<const Element*>(a.q) + t * a.stride;
        for_vectors(a.width, [&](int64_t d, auto part) { W::store_query(to + d / step, part.load(from + d) * a.scale); });
      }
      std::memset(lines + a.queries * line, 0, static_cast<size_t>((queries - a.queries) * line) * sizeof(float));
      int64_t d = 0;
      for (; d + 4 <= depth; d += 4) transpose(q + d * queries, queries, lines + d, line, queries, 4);
      if (d == depth) return;
      float rest[4 * queries];
      transpose(rest, queries, lines + d, line, queries, 4);
      std::memcpy(q + d * queries, rest, static_cast<size_t>((depth - d) * queries) * sizeof(float));
    }

    // s[key][query] += k q for one tile of keys
    void score(Scores& s, const uint32_t* keys) const {
      const float* x = q;
      const int64_t stride = depth;
      for (const uint32_t* end = keys + depth; keys != end; ++keys, x += queries) {
        Float query[vectors];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) query[v] = load(x + v * lanes);
#pragma GCC unroll 8
        for (int r = 0; r < tile; ++r) {
          const Float key = broadcast(keys + r * stride);
#pragma GCC unroll 4
          for (int v = 0; v < vectors; ++v) s[r][v] = W::dot(s[r][v], query[v], key);
        }
      }
    }

    void hide_later_keys(Scores& s, int64_t first_key) const {
      if (!a.causal || first_key + tile <= a.first + 1) return;
#pragma GCC unroll 8
      for (int r = 0; r < tile; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
          const auto newest = static_cast<int32_t>(first_key + r - a.first - v * lanes);  // lanes before it may not see this key
          const Int hidden = lane_numbers() < newest;
          s[r][v] = from_bits((bits_of(set(-1e30f)) & hidden) | (bits_of(s[r][v]) & ~hidden));
        }
    }

    // Sets `reference` so that no score of `count` keys passes it.
    void raise_reference(int64_t first_key, int64_t count) {
      for (int64_t t = 0; t < count; t += tile) {
        Scores s = {};
        score(s, a.packed_keys + (first_key + t) * depth);
        hide_later_keys(s, first_key + t);
        for (int v = 0; v < vectors; ++v)
          for (int r = 0; r < tile; ++r) reference[v] = max(reference[v], s[r][v]);
      }
    }
    void raise_reference_and_sums(int64_t first_key, int64_t count) {
      Float before[vectors];
      for (int v = 0; v < vectors; ++v) before[v] = reference[v];
      raise_reference(first_key, count);
      for (int v = 0; v < vectors; ++v) {
        const Float scale = Math<float>::exp2(before[v] - reference[v]);
        for (int64_t row = 0; row < rows; ++row) store(sums + row * queries + v * lanes, load(sums + row * queries + v * lanes) * scale);
      }
    }

    // p = 2^(scores - reference); whether all of them are below 2.
    bool probabilities(int64_t first_key, int64_t count) const {
      Int seen = {};
      float* to = p;
      for (int64_t t = 0; t < count; t += tile) {
        Scores s;
#pragma GCC unroll 8
        for (int r = 0; r < tile; ++r)
#pragma GCC unroll 4
          for (int v = 0; v < vectors; ++v) s[r][v] = -reference[v];
        score(s, a.packed_keys + (first_key + t) * depth);
        hide_later_keys(s, first_key + t);
        const float* table = W::exp2_table;
        asm("" : "+r"(table));  // else the compiler keeps its values in registers, and the sums of score() no longer fit
#pragma GCC unroll 8
        for (int r = 0; r < tile; r += step, to += queries)
#pragma GCC unroll 4
          for (int v = 0; v < vectors; ++v) {
            Float x[step];
            for (int i = 0; i < step; ++i) x[i] = s[r + i][v];
            const Float word = W::probabilities(x, table);
            store(to + v * lanes, word);
            seen |= bits_of(word);
          }
      }
      constexpr int32_t two_or_more = step == 1 ? 0x40000000 : 0x40004000;  // the exponent's top bit
      int32_t all = 0;
      for (int i = 0; i < lanes; ++i) all |= seen[i];
      return !(all & two_or_more);
    }

    // sums[row] += values p for `height` rows
    template <int height>
    [[gnu::noinline]] static void weigh(float* sums, const uint32_t* values, int64_t stride, const float* p, int64_t words) {
      Float s[height][vectors];
#pragma GCC unroll 8
      for (int r = 0; r < height; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) s[r][v] = load(sums + r * queries + v * lanes);
      for (int64_t k = 0; k < words; ++k, values += stride, p += queries) {
        Float weight[vectors];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) weight[v] = load(p + v * lanes);
#pragma GCC unroll 8
        for (int r = 0; r < height; ++r) {
          const Float value = broadcast(values + r);
#pragma GCC unroll 4
          for (int v = 0; v < vectors; ++v) s[r][v] = W::dot(s[r][v], weight[v], value);
        }
      }
#pragma GCC unroll 8
      for (int r = 0; r < height; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) store(sums + r * queries + v * lanes, s[r][v]);
    }
    template <int height>
    void weigh_rest(int64_t row, const uint32_t* values, int64_t words) {
      if (rows - row == height) return weigh<height>(sums + row * queries, values + row, rows, p, words);
      if constexpr (height > 1) weigh_rest<height - 1>(row, values, words);
    }

    void weigh_values(int64_t first_key, int64_t count) {
      const uint32_t* values = a.packed_values + first_key / step * rows;
      int64_t row = 0;
      for (; row + tile <= rows; row += tile) weigh<tile>(sums + row * queries, values + row, rows, p, count / step);
      if (row < rows) weigh_rest<tile - 1>(row, values, count / step);
    }

    void store_queries() const {
      for (int v = 0; v < vectors; ++v) {
        const Float scale = 1.0f / load(sums + a.width * queries + v * lanes);
        for (int64_t row = 0; row < a.width; ++row) store(sums + row * queries + v * lanes, load(sums + row * queries + v * lanes) * scale);
      }
      int64_t d = 0;
      for (; d + 4 <= a.width; d += 4) transpose(lines + d, out_line, sums + d * queries, queries, 4, queries);
      for (; d < a.width; ++d)
        for (int64_t t = 0; t < queries; ++t) lines[t * out_line + d] = sums[d * queries + t];
      for (int64_t t = 0; t < a.queries; ++t) {
        auto* to = static_cast<Element*>(a.y) + t * a.stride;
        for_vectors(a.width, [&](int64_t c, auto part) { part.store(to + c, part.load(lines + t * out_line + c)); });
      }
    }

    void run() {
      const int64_t padded = (a.keys + tile - 1) / tile * tile;
      const int64_t visible = a.causal ? smaller(padded, (a.first + a.queries + tile - 1) / tile * tile) : padded;
      load_queries();
      std::memset(sums, 0, static_cast<size_t>(rows * queries) * sizeof(float));
      for (int v = 0; v < vectors; ++v) reference[v] = set(-1e30f);
      raise_reference(0, tile);
      for (int64_t key = 0; key < visible; key += key_block) {
        const int64_t count = smaller(key_block, visible - key);
        if (!probabilities(key, count)) {
          raise_reference_and_sums(key, count);
          probabilities(key, count);
        }
        weigh_values(key, count);
      }
      store_queries();
    }
  };

  static void block(const AttentionBlock& a) {
    if (a.queries > lanes)
      Block<most_vectors>{.a = a, .reference = {}}.run();
    else
      Block<1>{.a = a, .reference = {}}.run();
  }

  static constexpr AttentionKernels table() { return {most_vectors * lanes, tile, key_block, step, pack, block}; }
};

}  // namespace
}  // namespace imagent::cpu
