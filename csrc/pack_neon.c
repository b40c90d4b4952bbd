/* Packing of pixels and emission of runs with NEON. */
#include "pack_loops.h"

#if FSEG_ARM

#define VERSION
#define COLUMNS 16

typedef uint32x4_t nan_flags;

static inline uint32x4_t no_nan(void)
{
    return vdupq_n_u32(0);
}

static inline int any_nan(uint32x4_t nan)
{
    return vmaxvq_u32(nan) != 0;
}

static inline void fetch(const uint8_t *pixels, ptrdiff_t ahead)
{
    __builtin_prefetch((const void *)((uintptr_t)pixels + (uintptr_t)ahead));
}

/* --- the tests of 16 pixels: 0xff in the byte of each that is foreground ---------------------- */

static inline uint8x16_t test_nonzero_u8(const uint8_t *pixels, const fseg_limit *limit,
                                         uint32x4_t *nan)
{
    (void)limit;
    (void)nan;
    uint8x16_t bytes = vld1q_u8(pixels);
    return vtstq_u8(bytes, bytes);
}

static inline uint8x16_t test_equal_u8(const uint8_t *pixels, const fseg_limit *limit,
                                       uint32x4_t *nan)
{
    (void)nan;
    return vceqq_u8(vld1q_u8(pixels), vdupq_n_u8(limit->label));
}

static inline uint16x8_t test_4_f32(const uint8_t *pixels, float32x4_t above, uint32x4_t *nan)
{
    float32x4_t four = vreinterpretq_f32_u8(vld1q_u8(pixels));
    *nan = vornq_u32(*nan, vceqq_f32(four, four));
    return vreinterpretq_u16_u32(vcgtq_f32(four, above));
}

static inline uint8x16_t test_8_f32(const uint8_t *pixels, float32x4_t above, uint32x4_t *nan)
{
    uint16x8_t low = test_4_f32(pixels, above, nan);
    return vreinterpretq_u8_u16(vuzp1q_u16(low, test_4_f32(pixels + 16, above, nan)));
}

static inline uint8x16_t test_above_f32(const uint8_t *pixels, const fseg_limit *limit,
                                        uint32x4_t *nan)
{
    float32x4_t above = vdupq_n_f32(limit->above_f32);
    uint8x16_t low = test_8_f32(pixels, above, nan);
    return vuzp1q_u8(low, test_8_f32(pixels + 32, above, nan));
}

static inline uint32x4_t test_2_f64(const uint8_t *pixels, float64x2_t above, uint32x4_t *nan)
{
    float64x2_t two = vreinterpretq_f64_u8(vld1q_u8(pixels));
    *nan = vornq_u32(*nan, vreinterpretq_u32_u64(vceqq_f64(two, two)));
    return vreinterpretq_u32_u64(vcgtq_f64(two, above));
}

static inline uint16x8_t test_4_f64(const uint8_t *pixels, float64x2_t above, uint32x4_t *nan)
{
    uint32x4_t low = test_2_f64(pixels, above, nan);
    return vreinterpretq_u16_u32(vuzp1q_u32(low, test_2_f64(pixels + 16, above, nan)));
}

static inline uint8x16_t test_above_f64(const uint8_t *pixels, const fseg_limit *limit,
                                        uint32x4_t *nan)
{
    float64x2_t above = vdupq_n_f64(limit->above_f64);
    uint16x8_t a = test_4_f64(pixels, above, nan);
    uint16x8_t b = test_4_f64(pixels + 32, above, nan);
    uint16x8_t c = test_4_f64(pixels + 64, above, nan);
    uint16x8_t d = test_4_f64(pixels + 96, above, nan);
    return vuzp1q_u8(vreinterpretq_u8_u16(vuzp1q_u16(a, b)),
                     vreinterpretq_u8_u16(vuzp1q_u16(c, d)));
}

/* A bit for each of 64 bytes, 0xff or 0: ones of different bits are added by pairs. */
static inline uint64_t gather(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d)
{
    const uint8x16_t bits = vreinterpretq_u8_u64(vdupq_n_u64(UINT64_C(0x8040201008040201)));
    uint8x16_t low = vpaddq_u8(vandq_u8(a, bits), vandq_u8(b, bits));
    uint8x16_t high = vpaddq_u8(vandq_u8(c, bits), vandq_u8(d, bits));
    low = vpaddq_u8(low, high);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(low, low)), 0);
}

#define PACK_BITS(test, size)                                                                    \
    static inline uint64_t word_##test(const uint8_t *pixels, const fseg_limit *limit,           \
                                       uint32x4_t *nan)                                          \
    {                                                                                            \
        uint8x16_t a = test_##test(pixels, limit, nan);                                          \
        uint8x16_t b = test_##test(pixels + 16 * (size), limit, nan);                            \
        uint8x16_t c = test_##test(pixels + 32 * (size), limit, nan);                            \
        uint8x16_t d = test_##test(pixels + 48 * (size), limit, nan);                            \
        return gather(a, b, c, d);                                                               \
    }                                                                                            \
                                                                                                 \
    static inline void bytes_##test(const uint8_t *pixels, size_t rows, ptrdiff_t stride,        \
                                    const fseg_limit *limit, uint32x4_t *nan, uint8_t *bytes)    \
    {                                                                                            \
        uint8x16_t found = vdupq_n_u8(0);                                                        \
        for (size_t r = 0; r < rows; r++) {                                                      \
            const uint8_t *row = pixels + (ptrdiff_t)r * stride;                                 \
            for (ptrdiff_t i = 0; i < 16 * (ptrdiff_t)(size); i += 64)                           \
                fetch(row, 8 * stride + i);                                                      \
            uint8x16_t bit = vdupq_n_u8((uint8_t)(1u << r));                                     \
            found = vorrq_u8(found, vandq_u8(test_##test(row, limit, nan), bit));                \
        }                                                                                        \
        vst1q_u8(bytes, found);                                                                  \
    }

PACK_BITS(nonzero_u8, 1)
PACK_BITS(equal_u8, 1)
PACK_BITS(above_f32, sizeof(float))
PACK_BITS(above_f64, sizeof(double))

/* --- the other parts of pack_vectors.h -------------------------------------------------------- */

static inline void store_pair(uint32x4_t pair, uint64_t *bits, size_t words)
{
    bits[0] = vgetq_lane_u64(vreinterpretq_u64_u32(pair), 0);
    bits[words] = vgetq_lane_u64(vreinterpretq_u64_u32(pair), 1);
}

static inline void turn_columns(const uint8_t *bytes, size_t pitch, uint64_t *bits, size_t words)
{
    uint16x8_t pairs[8];
    uint32x4_t fours[8];
    for (size_t i = 0; i < 8; i += 2) {
        uint8x16_t even = vld1q_u8(bytes + i * pitch), odd = vld1q_u8(bytes + (i + 1) * pitch);
        pairs[i] = vreinterpretq_u16_u8(vzip1q_u8(even, odd));
        pairs[i + 1] = vreinterpretq_u16_u8(vzip2q_u8(even, odd));
    }
    for (size_t i = 0; i < 8; i += 4)
        for (size_t j = 0; j < 2; j++) {
            uint16x8_t low = pairs[i + j], high = pairs[i + 2 + j];
            fours[i + 2 * j] = vreinterpretq_u32_u16(vzip1q_u16(low, high));
            fours[i + 2 * j + 1] = vreinterpretq_u32_u16(vzip2q_u16(low, high));
        }
    for (size_t j = 0; j < 4; j++) {
        uint64_t *to = bits + 4 * j * words;
        store_pair(vzip1q_u32(fours[j], fours[4 + j]), to, words);
        store_pair(vzip2q_u32(fours[j], fours[4 + j]), to + 2 * words, words);
    }
}

static inline void widen(uint64_t bytes, uint32_t first, uint32_t *numbers)
{
    uint16x8_t wide = vmovl_u8(vcreate_u8(bytes));
    uint32x4_t base = vdupq_n_u32(first);
    vst1q_u32(numbers, vaddw_u16(base, vget_low_u16(wide)));
    vst1q_u32(numbers + 4, vaddw_high_u16(base, wide));
}

static inline size_t count_ones(unsigned byte)
{
    return fseg_one_counts[byte];
}

static inline unsigned nonzero_bytes(uint64_t word)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    word = (((word & low) + low) | word) & ~low;
    return (unsigned)((word >> 7) * UINT64_C(0x0102040810204080) >> 56);
}

static inline uint32x4_t test_words(const uint64_t *words)
{
    uint64x2_t two = vld1q_u64(words);
    return vreinterpretq_u32_u64(vtstq_u64(two, two));
}

static inline unsigned nonzero_words(const uint64_t *words)
{
    uint32x4_t low = vuzp1q_u32(test_words(words), test_words(words + 2));
    uint32x4_t high = vuzp1q_u32(test_words(words + 4), test_words(words + 6));
    uint16x8_t all = vuzp1q_u16(vreinterpretq_u16_u32(low), vreinterpretq_u16_u32(high));
    return vaddv_u8(vand_u8(vmovn_u16(all), vcreate_u8(UINT64_C(0x8040201008040201))));
}

#include "pack_vectors.h"

static size_t changes_neon(const fseg_plane *plane)
{
    const uint64_t *bits = plane->bits;
    size_t words = plane->lines * plane->words, i = 1;
    uint32x4_t sums = vdupq_n_u32(0);
    for (; i + 2 <= words; i += 2) {
        uint64x2_t two = vld1q_u64(bits + i), before = vld1q_u64(bits + i - 1);
        before = vsliq_n_u64(vshrq_n_u64(before, 63), two, 1);
        uint8x16_t ones = vcntq_u8(vreinterpretq_u8_u64(veorq_u64(two, before)));
        sums = vpadalq_u16(sums, vpaddlq_u8(ones));
    }
    size_t changes = (size_t)vaddlvq_u32(sums) + fseg_popcount(bits[0] ^ bits[0] << 1);
    for (; i < words; i++)
        changes += fseg_popcount(bits[i] ^ (bits[i] << 1 | bits[i - 1] >> 63));
    return changes - fseg_padding_changes(plane);
}

static void transpose_neon(uint64_t tile[64])
{
    fseg_transpose(tile);
}

const fseg_pack_loops fseg_pack_neon = {
    {rows_nonzero_u8, rows_equal_u8, rows_above_f32, rows_above_f64},
    {group_nonzero_u8, group_equal_u8, group_above_f32, group_above_f64},
    turn,
    changes_neon,
    emit,
    transpose_neon,
};

#endif
