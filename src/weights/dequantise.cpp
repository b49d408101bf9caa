// Unpacking quantised blocks: codes of 2 to 8 bits, scales in f16 and, for the K types, 16 or 8 sub-scales a block.
#include "weights/dequantise.h"

#include <array>
#include <cstring>

#include "tensor/dtype.h"

namespace imagent {
namespace {

float half(const uint8_t* from) { return f16_to_f32(static_cast<uint16_t>(from[0] | from[1] << 8)); }

// The levels of IQ4_NL and IQ4_XS: closer together near zero.
constexpr std::array<int8_t, 16> levels = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

struct Scale {
  float scale, least;
};

// Sub-scale `i` of 8 of Q4_K and Q5_K: 6 bits of scale and 6 of minimum, packed in 12 bytes.
Scale sub_scale(const uint8_t* packed, int i, float d, float dmin) {
  int scale, least;
  if (i < 4) {
    scale = packed[i] & 63;
    least = packed[i + 4] & 63;
  } else {
    scale = (packed[i + 4] & 15) | packed[i - 4] >> 6 << 4;
    least = packed[i + 4] >> 4 | packed[i] >> 6 << 4;
  }
  return {d * static_cast<float>(scale), dmin * static_cast<float>(least)};
}

}  // namespace

void dequantise_q4_0(const uint8_t* from, float* to, size_t blocks) {
  for (; blocks-- > 0; from += 18, to += 32) {
    const float d = half(from);
    for (int i = 0; i < 16; ++i) {
      to[i] = static_cast<float>((from[2 + i] & 15) - 8) * d;
      to[i + 16] = static_cast<float>((from[2 + i] >> 4) - 8) * d;
    }
  }
}

void dequantise_q4_1(const uint8_t* from, float* to, size_t blocks) {
  for (; blocks-- > 0; from += 20, to += 32) {
    const float d = half(from), least = half(from + 2);
    for (int i = 0; i < 16; ++i) {
      to[i] = static_cast<float>(from[4 + i] & 15) * d + least;
      to[i + 16] = static_cast<float>(from[4 + i] >> 4) * d + least;
    }
  }
}

// Code `i` of 32 with five bits: four in `low`, the fifth in `high`.
static int five_bits(const uint8_t* low, const uint8_t* high, int i) {
  const int nibble = i < 16 ? low[i] & 15 : low[i - 16] >> 4;
  return nibble | (high[i / 8] >> (i % 8) & 1) << 4;
}

void dequantise_q5_0(const uint8_t* from, float* to, size_t blocks) {
  for (; blocks-- > 0; from += 22, to += 32) {
    const float d = half(from);
    for (int i = 0; i < 32; ++i) to[i] = static_cast<float>(five_bits(from + 6, from + 2, i) - 16) * d;
  }
}

void dequantise_q5_1(const uint8_t* from, float* to, size_t blocks) {
  for (; blocks-- > 0; from += 24, to += 32) {
    const float d = half(from), least = half(from + 2);
    for (int i = 0; i < 32; ++i) to[i] = static_cast<float>(five_bits(from + 8, from + 4, i)) * d + least;
  }
}

void dequantise_q8_0(const uint8_t* from, float* to, size_t blocks) {
  for (; blocks-- > 0; from += 34, to += 32) {
    const float d = half(from);
    for (int i = 0; i < 32; ++i) to[i] = static_cast<float>(static_cast<int8_t>(from[2 + i])) * d;
  }
}

// scales[16], codes[64], d, dmin
void dequantise_q2_k(const uint8_t* from, float* to, size_t blocks) {
  for (; blocks-- > 0; from += 84, to += 256) {
    const float d = half(from + 80), dmin = half(from + 82);
    for (int i = 0; i < 256; ++i) {
      const int scale = from[i / 16], code = from[16 + i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
      to[i] = d * static_cast<float>(scale & 15) * static_cast<float>(code) - dmin * static_cast<float>(scale >> 4);
    }
  }
}

// high bits[32], codes[64], scales[12], d
void dequantise_q3_k(const uint8_t* from, float* to, size_t blocks) {
  for (; blocks-- > 0; from += 110, to += 256) {
    const uint8_t *high = from, *codes = from + 32, *packed = from + 96;
    float scales[16];
    for (int i = 0; i < 16; ++i) {
      const int low = i < 8 ? packed[i] & 15 : packed[i - 8] >> 4;
      scales[i] = half(from + 108) * static_cast<float>((low | (packed[8 + i % 4] >> (i / 4 * 2) & 3) << 4) - 32);
    }
    for (int i = 0; i < 256; ++i) {
      const int code = codes[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
      const bool set = high[i % 32] >> (i / 32) & 1;
      to[i] = scales[i / 16] * static_cast<float>(code - (set ? 0 : 4));
    }
  }
}

// d, dmin, scales[12], codes[128]
void dequantise_q4_k(const uint8_t* from, float* to, size_t blocks) {
  for (; blocks-- > 0; from += 144, to += 256)
    for (int part = 0; part < 8; ++part) {
      const Scale s = sub_scale(from + 4, part, half(from), half(from + 2));
      const uint8_t* codes = from + 16 + part / 2 * 32;
      for (int i = 0; i < 32; ++i) to[part * 32 + i] = s.scale * static_cast<float>(codes[i] >> (part % 2 * 4) & 15) - s.least;
    }
}

// d, dmin, scales[12], high bits[32], codes[128]
void dequantise_q5_k(const uint8_t* from, float* to, size_t blocks) {
  for (; blocks-- > 0; from += 176, to += 256)
    for (int part = 0; part < 8; ++part) {
      const Scale s = sub_scale(from + 4, part, half(from), half(from + 2));
      const uint8_t *high = from + 16, *codes = from + 48 + part / 2 * 32;
      for (int i = 0; i < 32; ++i) {
        const int code = (codes[i] >> (part % 2 * 4) & 15) | (high[i] >> part & 1) << 4;
        to[part * 32 + i] = s.scale * static_cast<float>(code) - s.least;
      }
    }
}

// low bits[128], high bits[64], scales[16] (signed), d
void dequantise_q6_k(const uint8_t* from, float* to, size_t blocks) {
  for (; blocks-- > 0; from += 210, to += 256) {
    const float d = half(from + 208);
    for (int i = 0; i < 256; ++i) {
      const int part = i / 32, within = part % 4;
      const int low = from[part / 4 * 64 + within % 2 * 32 + i % 32] >> (within / 2 * 4) & 15;
      const int high = from[128 + part / 4 * 32 + i % 32] >> (within * 2) & 3;
      const auto scale = static_cast<float>(static_cast<int8_t>(from[192 + i / 16]));
      to[i] = d * scale * static_cast<float>((low | high << 4) - 32);
    }
  }
}

void dequantise_iq4_nl(const uint8_t* from, float* to, size_t blocks) {
  for (; blocks-- > 0; from += 18, to += 32) {
    const float d = half(from);
    for (int i = 0; i < 16; ++i) {
      to[i] = d * static_cast<float>(levels[from[2 + i] & 15]);
      to[i + 16] = d * static_cast<float>(levels[from[2 + i] >> 4]);
    }
  }
}

// d, high bits of the scales (16), low bits of the scales[4], codes[128]
void dequantise_iq4_xs(const uint8_t* from, float* to, size_t blocks) {
  for (; blocks-- > 0; from += 136, to += 256)
    for (int part = 0; part < 8; ++part) {
      const int low = from[4 + part / 2] >> (part % 2 * 4) & 15, high = (from[2] | from[3] << 8) >> (part * 2) & 3;
      const float scale = half(from) * static_cast<float>((low | high << 4) - 32);
      const uint8_t* codes = from + 8 + part * 16;
      for (int i = 0; i < 32; ++i) to[part * 32 + i] = scale * static_cast<float>(levels[codes[i % 16] >> (i / 16 * 4) & 15]);
    }
}

}  // namespace imagent
