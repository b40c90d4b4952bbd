/* Merging of runs with NEON. */
#include "merge_loops.h"

#if FSEG_ARM
#include <string.h>

#define MERGE_TARGET

#include "merge_bits.h"

/* The first n of 4 elements, then zeros. */
static inline uint32x4_t load_some(const uint32_t *from, size_t n)
{
    uint32_t some[4] = {0};
    memcpy(some, from, n * sizeof *from);
    return vld1q_u32(some);
}

static uint64_t area(const uint32_t *counts, size_t runs)
{
    uint64x2_t total = vdupq_n_u64(0), other = total;
    size_t i = 0;
    for (; i + 8 <= runs; i += 8) {
        total = vsraq_n_u64(total, vreinterpretq_u64_u32(vld1q_u32(counts + i)), 32);
        other = vsraq_n_u64(other, vreinterpretq_u64_u32(vld1q_u32(counts + i + 4)), 32);
    }
    uint64_t sum = vaddvq_u64(vaddq_u64(total, other));
    for (i++; i < runs; i += 2)
        sum += counts[i];
    return sum;
}

static uint64_t sum(const uint32_t *counts, size_t n, int *empty)
{
    uint64x2_t total = vdupq_n_u64(0);
    uint32x4_t shortest = vdupq_n_u32(UINT32_MAX);
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        uint32x4_t x = vld1q_u32(counts + i);
        total = vpadalq_u32(total, x);
        shortest = vminq_u32(shortest, x);
    }
    uint64_t sum = vaddvq_u64(total);
    *empty = vminvq_u32(shortest) == 0;
    for (; i < n; i++) {
        sum += counts[i];
        *empty |= counts[i] == 0;
    }
    return sum;
}

static inline uint32x4_t prefix_sum(uint32x4_t x)
{
    const uint32x4_t zero = vdupq_n_u32(0);
    x = vaddq_u32(x, vextq_u32(zero, x, 3));
    return vaddq_u32(x, vextq_u32(zero, x, 2));
}

/* Write n keys, rounded up to 4; return the position of the last one. */
static uint32_t expand_runs(const uint32_t *runs, size_t n, uint32_t at, uint32_t tag,
                            uint32_t *keys)
{
    const uint32x4_t tags = vdupq_n_u32(tag);
    uint32x4_t before = vdupq_n_u32(at);
    for (size_t i = 0; i < n; i += 4) {
        uint32x4_t x = prefix_sum(i + 4 <= n ? vld1q_u32(runs + i) : load_some(runs + i, n - i));
        vst1q_u32(keys + i, vsliq_n_u32(tags, vaddq_u32(x, before), 1));
        before = vaddq_u32(before, vdupq_laneq_u32(x, 3));
    }
    return vgetq_lane_u32(before, 0);
}

/* The same of n positions. */
static uint32_t expand_positions(const uint32_t *positions, size_t n, uint32_t tag, uint32_t *keys)
{
    const uint32x4_t tags = vdupq_n_u32(tag);
    for (size_t i = 0; i < n; i += 4) {
        uint32x4_t x = i + 4 <= n ? vld1q_u32(positions + i) : load_some(positions + i, n - i);
        vst1q_u32(keys + i, vsliq_n_u32(tags, x, 1));
    }
    return positions[n - 1];
}

/* The next 4 keys of two ascending lists are the lesser ones of a[0..3] against b[3..0]. */
#define STEP(l)                                                                                    \
    uint32x4_t x##l = vld1q_u32(a##l);                                                             \
    uint32x4_t y##l = vrev64q_u32(vld1q_u32(b##l));                                                \
    y##l = vminq_u32(x##l, vextq_u32(y##l, y##l, 2));                                              \
    uint32_t n##l = 0 - vaddvq_u32(vceqq_u32(x##l, y##l));                                         \
    a##l += n##l;                                                                                  \
    b##l += 4 - n##l

static inline uint32x4_t low_halves(uint32x4_t x, uint32x4_t y)
{
    return vreinterpretq_u32_u64(
        vzip1q_u64(vreinterpretq_u64_u32(x), vreinterpretq_u64_u32(y)));
}

static inline uint32x4_t high_halves(uint32x4_t x, uint32x4_t y)
{
    return vreinterpretq_u32_u64(
        vzip2q_u64(vreinterpretq_u64_u32(x), vreinterpretq_u64_u32(y)));
}

/* Sort two vectors that ascend and then descend, or the other way round. Each step brings the pairs
 * that are 2, 1 apart into the same lanes. */
static inline void sort_two(uint32x4_t x, uint32x4_t y, uint32_t *to_x, uint32_t *to_y)
{
    uint32x4_t v = low_halves(x, y), w = high_halves(x, y);
    x = vminq_u32(v, w);
    y = vmaxq_u32(v, w);
    v = vuzp1q_u32(x, y);
    w = vuzp2q_u32(x, y);
    x = vminq_u32(v, w);
    y = vmaxq_u32(v, w);
    v = vzip1q_u32(x, y);
    w = vzip2q_u32(x, y);
    vst1q_u32(to_x, low_halves(v, w));
    vst1q_u32(to_y, high_halves(v, w));
}

static void merge_keys(const uint32_t *a, size_t a_n, const uint32_t *b, size_t b_n,
                       uint32_t *keys)
{
    enum { LANES = 4, PATHS = 4 };
    size_t vectors = (a_n + b_n + LANES - 1) / LANES, each = vectors / PATHS, of_a[PATHS];
    const uint32_t *a0 = a, *b0 = b;
    uint32_t *to = keys;
    if (each > 1) {
        size_t step = each * LANES;
        fseg_split(a, a_n, b, b_n, step, of_a);
        const uint32_t *a1 = a + of_a[1], *b1 = b + (step - of_a[1]);
        const uint32_t *a2 = a + of_a[2], *b2 = b + (2 * step - of_a[2]);
        const uint32_t *a3 = a + of_a[3], *b3 = b + (3 * step - of_a[3]);
        for (size_t i = 0; i < each; i++, to += LANES) {
            STEP(0);
            STEP(1);
            STEP(2);
            STEP(3);
            sort_two(y0, y1, to, to + step);
            sort_two(y2, y3, to + 2 * step, to + 3 * step);
        }
        a0 = a3;
        b0 = b3;
        vectors -= each * PATHS;
        to = keys + step * PATHS;
    }
    for (size_t i = 0; i < vectors; i++, to += LANES) {
        STEP(0);
        sort_two(y0, y0, to, to);
    }
}

/* The lowest byte of each of 16 lanes. */
static inline uint8x16_t low_bytes(const uint32x4_t x[4])
{
    uint16x8_t v = vuzp1q_u16(vreinterpretq_u16_u32(x[0]), vreinterpretq_u16_u32(x[1]));
    uint16x8_t w = vuzp1q_u16(vreinterpretq_u16_u32(x[2]), vreinterpretq_u16_u32(x[3]));
    return vuzp1q_u8(vreinterpretq_u8_u16(v), vreinterpretq_u8_u16(w));
}

/* A bit for each of 64 bytes, which are all ones or 0. */
static inline uint64_t bits_of(const uint8x16_t x[4])
{
    static const uint8_t PLACES[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t places = vld1q_u8(PLACES);
    uint8x16_t v = vpaddq_u8(vandq_u8(x[0], places), vandq_u8(x[1], places));
    uint8x16_t w = vpaddq_u8(vandq_u8(x[2], places), vandq_u8(x[3], places));
    v = vpaddq_u8(v, w);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(v, v)), 0);
}

/* The tags of 64 keys. */
static inline uint64_t tags_of(const uint32_t *keys)
{
    uint8x16_t tags[4];
    for (size_t q = 0; q < 4; q++) {
        uint32x4_t x[4];
        for (size_t p = 0; p < 4; p++)
            x[p] = vld1q_u32(keys + 16 * q + 4 * p);
        tags[q] = vtstq_u8(low_bytes(x), vdupq_n_u8(1));
    }
    return bits_of(tags);
}

/* Those of 64 keys whose position is that of the next key too. */
static inline uint64_t doubled_of(const uint32_t *keys)
{
    uint8x16_t doubled[4];
    for (size_t q = 0; q < 4; q++) {
        uint32x4_t x[4];
        for (size_t p = 0; p < 4; p++) {
            const uint32_t *from = keys + 16 * q + 4 * p;
            x[p] = vceqq_u32(veorq_u32(vld1q_u32(from), vld1q_u32(from + 1)), vdupq_n_u32(1));
        }
        doubled[q] = low_bytes(x);
    }
    return bits_of(doubled);
}

/* For each set of 4 bits the bytes of the lanes that its ones stand for, from the lowest. */
#define LANE(l) 4 * (l), 4 * (l) + 1, 4 * (l) + 2, 4 * (l) + 3
static const uint8_t LANES_OF[16][16] = {
    {LANE(0)},
    {LANE(0)},
    {LANE(1)},
    {LANE(0), LANE(1)},
    {LANE(2)},
    {LANE(0), LANE(2)},
    {LANE(1), LANE(2)},
    {LANE(0), LANE(1), LANE(2)},
    {LANE(3)},
    {LANE(0), LANE(3)},
    {LANE(1), LANE(3)},
    {LANE(0), LANE(1), LANE(3)},
    {LANE(2), LANE(3)},
    {LANE(0), LANE(2), LANE(3)},
    {LANE(1), LANE(2), LANE(3)},
    {LANE(0), LANE(1), LANE(2), LANE(3)},
};

/* Write the positions of the result's changes; return how many they are. */
static size_t filter_keys(fseg_operation operation, const uint32_t *keys, size_t n, pixels *now,
                          uint32_t *positions)
{
    const uint64_t ones = UINT64_C(0x4332322132212110); /* of 15, 14, ... 0 */
    uint32_t *next = positions;
    for (size_t i = 0; i < n; i += 64) {
        uint64_t result, changed = fseg_follow(operation, tags_of(keys + i), doubled_of(keys + i),
                                               n - i, now, &result);
        for (size_t q = 0; q < 64; q += 4, changed >>= 4) {
            uint8x16_t lanes = vld1q_u8(LANES_OF[changed & 15]);
            uint32x4_t x = vshrq_n_u32(vld1q_u32(keys + i + q), 1);
            x = vreinterpretq_u32_u8(vqtbl1q_u8(vreinterpretq_u8_u32(x), lanes));
            vst1q_u32(next, x);
            next += ones >> 4 * (changed & 15) & 15;
        }
    }
    return (size_t)(next - positions);
}

/* Replace positions by their differences, the first one's from `before`. */
static void to_runs(uint32_t *positions, size_t n, uint32_t before)
{
    uint32x4_t last = vdupq_n_u32(before);
    for (size_t i = 0; i < n; i += 4) {
        uint32x4_t x = vld1q_u32(positions + i);
        vst1q_u32(positions + i, vsubq_u32(x, vextq_u32(last, x, 3)));
        last = x;
    }
}

/* Pixels that are foreground in both; those after the last key are added, with the position of the
 * next one, if there is a next one. */
static uint32_t sum_keys(const uint32_t *keys, size_t n, pixels *now)
{
    static const int32_t TO_SIGN[4] = {31, 30, 29, 28};
    const int32x4_t to_sign = vld1q_s32(TO_SIGN);
    uint32x4_t total = vdupq_n_u32(0);
    uint32_t rest = now->result ? keys[0] >> 1 : 0;
    for (size_t i = 0; i < n; i += 64) {
        uint64_t inside;
        fseg_follow(FSEG_AND, tags_of(keys + i), 0, n - i, now, &inside);
        if (n - i <= 64)
            inside &= (UINT64_C(1) << (n - i - 1)) - 1;
        for (size_t q = 0; q < 64; q += 4, inside >>= 4) {
            uint32x4_t bits = vshlq_u32(vdupq_n_u32((uint32_t)inside), to_sign);
            uint32x4_t mask = vreinterpretq_u32_s32(vshrq_n_s32(vreinterpretq_s32_u32(bits), 31));
            uint32x4_t x = vshrq_n_u32(vld1q_u32(keys + i + q), 1);
            uint32x4_t y = vshrq_n_u32(vld1q_u32(keys + i + q + 1), 1);
            total = vaddq_u32(total, vandq_u32(vsubq_u32(y, x), mask));
        }
    }
    if (now->result)
        rest -= keys[n - 1] >> 1;
    return rest + vaddvq_u32(total);
}

#include "merge_chunks.h"

static uint64_t intersection_of_words(const uint64_t *a, const uint64_t *b, size_t n)
{
    uint64x2_t total = vdupq_n_u64(0);
    /* 16 bits hold the counts of 4096 words. */
    for (size_t i = 0; i < n;) {
        uint16x8_t v = vdupq_n_u16(0), w = v;
        for (size_t end = n - i < 4096 ? n : i + 4096; i < end; i += 4) {
            uint64x2_t x = vandq_u64(vld1q_u64(a + i), vld1q_u64(b + i));
            uint64x2_t y = vandq_u64(vld1q_u64(a + i + 2), vld1q_u64(b + i + 2));
            v = vpadalq_u8(v, vcntq_u8(vreinterpretq_u8_u64(x)));
            w = vpadalq_u8(w, vcntq_u8(vreinterpretq_u8_u64(y)));
        }
        total = vpadalq_u32(total, vaddq_u32(vpaddlq_u16(v), vpaddlq_u16(w)));
    }
    return vaddvq_u64(total);
}

const fseg_merge_loops fseg_merge_neon = {
    .area = area,
    .sum = sum,
    .merge = merge,
    .between = FSEG_POSITIONS,
    .intersection = intersection,
    .keys = keys,
    .intersection_of_keys = intersection_of_keys,
    .fill = fseg_merge_fill_scalar,
    .combine = combine,
    .intersection_of_words = intersection_of_words,
    .pair_cost = 170000,
    .merge_cost = 1200,
    .word_cost = 300,
    .fill_change_cost = 1500,
    .fill_word_cost = 800,
};
#endif
