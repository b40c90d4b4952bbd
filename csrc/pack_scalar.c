/* Packing of pixels and emission of runs, in plain C: eight bytes at a time in a uint64_t. */
#include "pack_loops.h"

#include <string.h>

#define REPEAT(byte) ((uint64_t)(byte) * UINT64_C(0x0101010101010101))

static inline size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Up to eight bytes, the first in the lowest bits. */
static inline uint64_t load(const uint8_t *bytes, size_t n)
{
    uint64_t word = 0;
    if (n == 8)
        memcpy(&word, bytes, sizeof word);
    else
        memcpy(&word, bytes, n);
    return FSEG_BIG_ENDIAN ? fseg_swap(word) : word;
}

/* 1 in each byte that is not zero. */
static inline uint64_t nonzero(uint64_t word)
{
    return ((((word & REPEAT(0x7f)) + REPEAT(0x7f)) | word) & REPEAT(0x80)) >> 7;
}

/* One bit per byte, from bytes that are 0 or 1. */
static inline uint64_t gather(uint64_t word)
{
    return word * UINT64_C(0x0102040810204080) >> 56;
}

/* The tests of up to eight pixels: 1 in the byte of each that is foreground. */

static inline uint64_t test_nonzero_u8(const uint8_t *pixels, size_t n, const fseg_limit *limit,
                                       int *nan)
{
    (void)limit;
    (void)nan;
    return nonzero(load(pixels, n));
}

static inline uint64_t test_equal_u8(const uint8_t *pixels, size_t n, const fseg_limit *limit,
                                     int *nan)
{
    (void)nan;
    uint64_t same = nonzero(load(pixels, n) ^ REPEAT(limit->label)) ^ REPEAT(1);
    return n == 8 ? same : same & ((UINT64_C(1) << 8 * n) - 1);
}

static inline uint64_t test_above_f32(const uint8_t *pixels, size_t n, const fseg_limit *limit,
                                      int *nan)
{
    uint64_t found = 0;
    for (size_t i = 0; i < n; i++) {
        float pixel;
        memcpy(&pixel, pixels + i * sizeof pixel, sizeof pixel);
        *nan |= pixel != pixel;
        found |= (uint64_t)(pixel > limit->above_f32) << 8 * i;
    }
    return found;
}

static inline uint64_t test_above_f64(const uint8_t *pixels, size_t n, const fseg_limit *limit,
                                      int *nan)
{
    uint64_t found = 0;
    for (size_t i = 0; i < n; i++) {
        double pixel;
        memcpy(&pixel, pixels + i * sizeof pixel, sizeof pixel);
        *nan |= pixel != pixel;
        found |= (uint64_t)(pixel > limit->above_f64) << 8 * i;
    }
    return found;
}

#define PACK(test, size)                                                                         \
    static uint64_t word_##test(const uint8_t *pixels, size_t n, const fseg_limit *limit,        \
                                int *nan)                                                        \
    {                                                                                            \
        uint64_t word = 0;                                                                       \
        for (size_t i = 0; i < n; i += 8)                                                        \
            word |= gather(test_##test(pixels + i * (size), least(n - i, 8), limit, nan)) << i;  \
        return word;                                                                             \
    }                                                                                            \
                                                                                                 \
    static int rows_##test(const uint8_t *pixels, size_t rows, size_t columns, ptrdiff_t stride, \
                           const fseg_limit *limit, uint64_t *bits)                              \
    {                                                                                            \
        int nan = 0;                                                                             \
        for (size_t y = 0; y < rows; y++) {                                                      \
            const uint8_t *row = pixels + (ptrdiff_t)y * stride;                                 \
            size_t x = 0;                                                                        \
            for (; x + 64 <= columns; x += 64)                                                   \
                *bits++ = word_##test(row + x * (size), 64, limit, &nan);                        \
            if (x < columns)                                                                     \
                *bits++ = word_##test(row + x * (size), columns - x, limit, &nan);               \
        }                                                                                        \
        return nan;                                                                              \
    }                                                                                            \
                                                                                                 \
    static uint64_t column_##test(const uint8_t *pixels, size_t rows, size_t n,                  \
                                  ptrdiff_t stride, const fseg_limit *limit, int *nan)           \
    {                                                                                            \
        uint64_t found = 0;                                                                      \
        for (size_t r = 0; r < rows; r++)                                                        \
            found |= test_##test(pixels + (ptrdiff_t)r * stride, n, limit, nan) << r;            \
        return FSEG_BIG_ENDIAN ? fseg_swap(found) : found;                                       \
    }                                                                                            \
                                                                                                 \
    static int group_##test(const uint8_t *pixels, size_t rows, size_t columns,                  \
                            ptrdiff_t stride, const fseg_limit *limit, uint8_t *bytes)           \
    {                                                                                            \
        int nan = 0;                                                                             \
        size_t x = 0;                                                                            \
        for (; x + 8 <= columns; x += 8) {                                                       \
            uint64_t found = column_##test(pixels + x * (size), rows, 8, stride, limit, &nan);   \
            memcpy(bytes + x, &found, sizeof found);                                             \
        }                                                                                        \
        if (x < columns) {                                                                       \
            uint64_t found =                                                                     \
                column_##test(pixels + x * (size), rows, columns - x, stride, limit, &nan);      \
            memcpy(bytes + x, &found, columns - x);                                              \
        }                                                                                        \
        return nan;                                                                              \
    }

PACK(nonzero_u8, 1)
PACK(equal_u8, 1)
PACK(above_f32, sizeof(float))
PACK(above_f64, sizeof(double))

static void turn_scalar(const uint8_t *bytes, size_t pitch, size_t columns, size_t bands,
                        uint64_t *bits, size_t words)
{
    for (size_t x = 0; x < columns; x++)
        for (size_t band = 0; band < bands; band++) {
            uint64_t word = 0;
            for (size_t r = 0; r < 8; r++)
                word |= (uint64_t)bytes[(8 * band + r) * pitch + x] << 8 * r;
            bits[x * words + band] = word;
        }
}

/* The bits that differ from the ones before them; the one before the first is `*before`, which
 * becomes the last of the `length` bits. */
static inline uint64_t changed(uint64_t word, size_t length, uint64_t *before)
{
    uint64_t changes = word ^ (word << 1 | *before);
    *before = word >> (length - 1) & 1;
    return length < 64 ? changes & ((UINT64_C(1) << length) - 1) : changes;
}

static size_t changes_scalar(const fseg_plane *plane)
{
    const uint64_t *bits = plane->bits;
    size_t changes = 0;
    uint64_t before = 0;
    for (size_t y = 0; y < plane->lines; y++)
        for (size_t x = 0; x < plane->length; x += 64)
            changes += fseg_popcount(changed(*bits++, least(plane->length - x, 64), &before));
    return changes;
}

static uint32_t emit_scalar(const fseg_plane *plane, uint32_t *counts)
{
    const uint64_t *bits = plane->bits;
    uint64_t before = 0;
    uint32_t last = 0;
    for (size_t y = 0; y < plane->lines; y++)
        for (size_t x = 0; x < plane->length; x += 64) {
            uint32_t start = (uint32_t)(y * plane->length + x);
            uint64_t found = changed(*bits++, least(plane->length - x, 64), &before);
            for (; found; found &= found - 1) {
                uint32_t position = start + fseg_ctz(found);
                *counts++ = position - last;
                last = position;
            }
        }
    return last;
}

/* Swap ever smaller squares beside the diagonal. */
static void transpose(uint64_t *tile)
{
    uint64_t mask = UINT64_C(0x00000000ffffffff);
    for (unsigned size = 32; size; size >>= 1, mask ^= mask << size)
        for (unsigned i = 0; i < 64; i = ((i | size) + 1) & ~size) {
            uint64_t swapped = (tile[i] >> size ^ tile[i | size]) & mask;
            tile[i] ^= swapped << size;
            tile[i | size] ^= swapped;
        }
}

void fseg_tile_scalar(const uint64_t *from, size_t words_from, size_t lines_from, uint64_t *to,
                      size_t words_to, size_t lines_to)
{
    uint64_t tile[64] = {0};
    for (size_t i = 0; i < lines_from; i++)
        tile[i] = from[i * words_from];
    transpose(tile);
    for (size_t i = 0; i < lines_to; i++)
        to[i * words_to] = tile[i];
}

/* Bit i of b, if it is one, before the places of higher bits. */
#define PLACE(b, i, higher) \
    ((higher) << ((b) >> (i) & 1) * 8 | ((b) >> (i) & 1) * UINT64_C(i))
#define PLACES(b)                                                                                \
    PLACE(b, 0, PLACE(b, 1, PLACE(b, 2, PLACE(b, 3, PLACE(b, 4, PLACE(b, 5, PLACE(b, 6,          \
          (b) >> 7 & UINT64_C(1) ? UINT64_C(7) : UINT64_C(0))))))))
#define PLACES_4(b) PLACES(b), PLACES((b) + 1), PLACES((b) + 2), PLACES((b) + 3)
#define PLACES_16(b) PLACES_4(b), PLACES_4((b) + 4), PLACES_4((b) + 8), PLACES_4((b) + 12)
#define PLACES_64(b) PLACES_16(b), PLACES_16((b) + 16), PLACES_16((b) + 32), PLACES_16((b) + 48)

const uint64_t fseg_ones[256] = {PLACES_64(0), PLACES_64(64), PLACES_64(128), PLACES_64(192)};

#define SCALAR_LOOPS                                                                             \
    {                                                                                            \
        {rows_nonzero_u8, rows_equal_u8, rows_above_f32, rows_above_f64},                        \
            {group_nonzero_u8, group_equal_u8, group_above_f32, group_above_f64}, turn_scalar,   \
            changes_scalar, emit_scalar, fseg_tile_scalar                                             \
    }

const fseg_pack_loops fseg_pack_scalar = SCALAR_LOOPS;
#if FSEG_X86
const fseg_pack_loops fseg_pack_sse2 = SCALAR_LOOPS;
#endif
#if FSEG_ARM
const fseg_pack_loops fseg_pack_neon = SCALAR_LOOPS;
#endif
