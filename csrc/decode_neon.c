/* Decoding for NEON. */
#include "decode_common.h"

#if FSEG_ARM

#define TARGET

typedef uint8x16_t elements;

static inline elements repeat_8(uint64_t value)
{
    return vdupq_n_u8((uint8_t)value);
}

static inline elements repeat_16(uint64_t value)
{
    return vreinterpretq_u8_u16(vdupq_n_u16((uint16_t)value));
}

static inline elements repeat_32(uint64_t value)
{
    return vreinterpretq_u8_u32(vdupq_n_u32((uint32_t)value));
}

static inline elements repeat_64(uint64_t value)
{
    return vreinterpretq_u8_u64(vdupq_n_u64(value));
}

static inline void put(uint8_t *pixels, elements all)
{
    vst1q_u8(pixels, all);
}

static inline void store(uint8_t *pixels, uint8x16_t mask, elements value)
{
    vst1q_u8(pixels, vandq_u8(mask, value));
}

static inline void blend(uint8_t *pixels, uint8x16_t mask, elements value)
{
    vst1q_u8(pixels, vbslq_u8(mask, value, vld1q_u8(pixels)));
}

static inline uint8x16_t mask_8(uint64_t bits)
{
    uint8x16_t bytes = vcombine_u8(vdup_n_u8((uint8_t)bits), vdup_n_u8((uint8_t)(bits >> 8)));
    return vtstq_u8(bytes, vreinterpretq_u8_u64(vdupq_n_u64(UINT64_C(0x8040201008040201))));
}

static inline uint8x16_t mask_16(uint64_t bits)
{
    static const uint16_t select[8] = {1, 2, 4, 8, 16, 32, 64, 128};
    return vreinterpretq_u8_u16(vtstq_u16(vdupq_n_u16((uint16_t)bits), vld1q_u16(select)));
}

static inline uint8x16_t mask_32(uint64_t bits)
{
    static const uint32_t select[4] = {1, 2, 4, 8};
    return vreinterpretq_u8_u32(vtstq_u32(vdupq_n_u32((uint32_t)bits), vld1q_u32(select)));
}

static inline uint8x16_t mask_64(uint64_t bits)
{
    static const uint64_t select[2] = {1, 2};
    return vreinterpretq_u8_u64(vtstq_u64(vdupq_n_u64(bits), vld1q_u64(select)));
}

#define WIDTH(width)                                                                               \
    static inline void write_##width(uint64_t word, uint8_t *pixels, elements value)               \
    {                                                                                              \
        for (int i = 0; i < 64; i += 128 / width, pixels += 16)                                    \
            store(pixels, mask_##width(word >> i), value);                                         \
    }                                                                                              \
    static inline void paint_##width(uint64_t word, uint8_t *pixels, elements value)               \
    {                                                                                              \
        for (; word; word >>= 128 / width, pixels += 16)                                           \
            blend(pixels, mask_##width(word), value);                                              \
    }
WIDTH(8)
WIDTH(16)
WIDTH(32)
WIDTH(64)

#include "decode_lines.h"

static inline void clear_words(uint64_t *words, size_t n)
{
    for (size_t i = 0; i < n; i += 2)
        vst1q_u64(words + i, vdupq_n_u64(0));
}

static inline void integrate(uint64_t *words, size_t n, uint64_t carry)
{
    for (size_t i = 0; i < n; i += 2) {
        uint64x2_t two = vld1q_u64(words + i);
        two = veorq_u64(two, vshlq_n_u64(two, 1));
        two = veorq_u64(two, vshlq_n_u64(two, 2));
        two = veorq_u64(two, vshlq_n_u64(two, 4));
        two = veorq_u64(two, vshlq_n_u64(two, 8));
        two = veorq_u64(two, vshlq_n_u64(two, 16));
        two = veorq_u64(two, vshlq_n_u64(two, 32));
        uint64x2_t sums = vreinterpretq_u64_s64(vshrq_n_s64(vreinterpretq_s64_u64(two), 63));
        uint64_t second = carry ^ vgetq_lane_u64(sums, 0);
        two = veorq_u64(two, vcombine_u64(vcreate_u64(carry), vcreate_u64(second)));
        vst1q_u64(words + i, two);
        carry = second ^ vgetq_lane_u64(sums, 1);
    }
}

#define DENSE 12
#define ASK_EARLY 0

static inline void marks_to_words(uint8_t *bytes, size_t n, uint64_t *words)
{
    const uint8x16_t select = vreinterpretq_u8_u64(vdupq_n_u64(UINT64_C(0x8040201008040201)));
    for (size_t i = 0; i < n; i++, bytes += 64) {
        uint8x16_t a[4];
        for (int j = 0; j < 4; j++) {
            uint8x16_t marks = vld1q_u8(bytes + 16 * j);
            a[j] = vandq_u8(vtstq_u8(marks, marks), select);
            vst1q_u8(bytes + 16 * j, vdupq_n_u8(0));
        }
        uint8x16_t sums = vpaddq_u8(vpaddq_u8(a[0], a[1]), vpaddq_u8(a[2], a[3]));
        words[i] = vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)), 0);
    }
}

/* Exchange bits between the halves of blocks of 2 * step words: the upper `step` bits of each
 * 2 * step of the first half with the lower ones of the second. */
#define EXCHANGE(tile, step, mask)                                                                 \
    for (size_t block = 0; block < 64; block += 2 * step)                                          \
        for (size_t i = block; i < block + step; i += 2) {                                         \
            uint64x2_t a = vld1q_u64(tile + i), b = vld1q_u64(tile + i + step);                    \
            uint64x2_t differ = vandq_u64(veorq_u64(vshrq_n_u64(a, step), b), vdupq_n_u64(mask));  \
            vst1q_u64(tile + i, veorq_u64(a, vshlq_n_u64(differ, step)));                          \
            vst1q_u64(tile + i + step, veorq_u64(b, differ));                                      \
        }

static void transpose(uint64_t *tile)
{
    EXCHANGE(tile, 32, UINT64_C(0x00000000ffffffff))
    EXCHANGE(tile, 16, UINT64_C(0x0000ffff0000ffff))
    EXCHANGE(tile, 8, UINT64_C(0x00ff00ff00ff00ff))
    EXCHANGE(tile, 4, UINT64_C(0x0f0f0f0f0f0f0f0f))
    EXCHANGE(tile, 2, UINT64_C(0x3333333333333333))
    for (size_t i = 0; i < 64; i += 2) {
        uint64_t differ = (tile[i] >> 1 ^ tile[i + 1]) & UINT64_C(0x5555555555555555);
        tile[i] ^= differ << 1;
        tile[i + 1] ^= differ;
    }
}

static inline void turn_lines(const uint64_t *bits, size_t pitch, size_t n, uint64_t *tile)
{
    for (size_t i = 0; i < n; i++)
        tile[i] = bits[i * pitch];
    for (size_t i = n; i < 64; i++)
        tile[i] = 0;
    transpose(tile);
}

static inline int sum_tile(uint64_t *tile, uint64_t row)
{
    uint64x2_t any = vdupq_n_u64(0);
    for (size_t i = 0; i < 64; i += 2)
        any = vorrq_u64(any, vld1q_u64(tile + i));
    if (!(vgetq_lane_u64(any, 0) | vgetq_lane_u64(any, 1))) {
        for (size_t i = 0; i < 64; i += 2)
            vst1q_u64(tile + i, vdupq_n_u64(row));
        return 0;
    }
    transpose(tile);
    for (size_t i = 0; i < 64; i++)
        tile[i] = row ^= tile[i];
    return 1;
}

#include "decode_body.h"

const fseg_decode_loops fseg_decode_neon = {
    plane_fill,    plane_fill_resized, decode,        decode_across,
    decode_labels, expand_rows,        expand_columns,
};
#else
typedef int fseg_decode_neon_is_for_arm;
#endif
