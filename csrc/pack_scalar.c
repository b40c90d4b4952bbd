/* Packing of pixels and emission of runs, in plain C: loops over 64 bytes, of which compilers make
 * vectors, and eight bytes at a time in a uint64_t. */
#include "pack_loops.h"

#include <string.h>

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

/* One bit per byte, from 64 bytes that are 0 or 1. */
static inline uint64_t gather(const uint8_t *flags)
{
    uint64_t word = 0;
    for (size_t i = 0; i < 64; i += 8)
        word |= load(flags + i, 8) * UINT64_C(0x0102040810204080) >> 56 << i;
    return word;
}

/* Set bit r of each of 64 bytes whose flag is 1. */
static inline void add_flags(const uint8_t *flags, size_t r, uint8_t *bytes)
{
    for (size_t i = 0; i < 64; i += 8) {
        uint64_t eight, flag;
        memcpy(&eight, bytes + i, sizeof eight);
        memcpy(&flag, flags + i, sizeof flag);
        eight |= flag << r;
        memcpy(bytes + i, &eight, sizeof eight);
    }
}

/* flags_<test>: 1 for each of up to 64 pixels that is foreground. */

#define TEST(test, type, condition)                                                              \
    static inline int flags_##test(const uint8_t *FSEG_RESTRICT pixels, size_t n,                \
                                   const fseg_limit *limit, uint8_t *FSEG_RESTRICT flags)        \
    {                                                                                            \
        const fseg_limit than = *limit;                                                          \
        uint8_t unordered = 0;                                                                   \
        (void)than;                                                                              \
        for (size_t i = 0; i < n; i++) {                                                         \
            type pixel;                                                                          \
            memcpy(&pixel, pixels + i * sizeof pixel, sizeof pixel);                             \
            flags[i] = (condition);                                                              \
            unordered |= pixel != pixel;                                                         \
        }                                                                                        \
        return unordered != 0;                                                                   \
    }                                                                                            \
                                                                                                 \
    static inline int part_##test(const uint8_t *pixels, size_t n, const fseg_limit *limit,      \
                                  uint8_t *flags)                                                \
    {                                                                                            \
        if (n == 64)                                                                             \
            return flags_##test(pixels, 64, limit, flags);                                       \
        memset(flags, 0, 64);                                                                    \
        return flags_##test(pixels, n, limit, flags);                                            \
    }                                                                                            \
                                                                                                 \
    static int rows_##test(const uint8_t *pixels, size_t rows, size_t columns, ptrdiff_t stride, \
                           const fseg_limit *limit, uint64_t *bits)                              \
    {                                                                                            \
        uint8_t flags[64];                                                                       \
        int nan = 0;                                                                             \
        for (size_t y = 0; y < rows; y++) {                                                      \
            const uint8_t *row = pixels + (ptrdiff_t)y * stride;                                 \
            for (size_t x = 0; x < columns; x += 64) {                                           \
                nan |= part_##test(row + x * sizeof(type), least(columns - x, 64), limit, flags); \
                *bits++ = gather(flags);                                                         \
            }                                                                                    \
        }                                                                                        \
        return nan;                                                                              \
    }                                                                                            \
                                                                                                 \
    static int group_##test(const uint8_t *pixels, size_t rows, size_t columns,                  \
                            ptrdiff_t stride, const fseg_limit *limit, uint8_t *bytes)           \
    {                                                                                            \
        uint8_t flags[64];                                                                       \
        int nan = 0;                                                                             \
        memset(bytes, 0, (columns + 63) / 64 * 64);                                              \
        for (size_t r = 0; r < rows; r++) {                                                      \
            const uint8_t *row = pixels + (ptrdiff_t)r * stride;                                 \
            for (size_t x = 0; x < columns; x += 64) {                                           \
                nan |= part_##test(row + x * sizeof(type), least(columns - x, 64), limit, flags); \
                add_flags(flags, r, bytes + x);                                                  \
            }                                                                                    \
        }                                                                                        \
        return nan;                                                                              \
    }

TEST(nonzero_u8, uint8_t, pixel != 0)
TEST(equal_u8, uint8_t, pixel == than.label)
TEST(above_f32, float, pixel > than.above_f32)
TEST(above_f64, double, pixel > than.above_f64)

/* Up to eight columns of eight groups. */
static inline void turn_eight(const uint8_t *bytes, size_t pitch, size_t n, uint64_t *bits,
                              size_t words)
{
    uint64_t square[8];
    for (size_t r = 0; r < 8; r++)
        square[r] = load(bytes + r * pitch, n);
    fseg_swap_squares(square, 8, 4, 32, UINT64_C(0x00000000ffffffff));
    fseg_swap_squares(square, 8, 2, 16, UINT64_C(0x0000ffff0000ffff));
    fseg_swap_squares(square, 8, 1, 8, UINT64_C(0x00ff00ff00ff00ff));
    for (size_t i = 0; i < n; i++)
        bits[i * words] = square[i];
}

static void turn_scalar(const uint8_t *bytes, size_t pitch, size_t columns, size_t bands,
                        uint64_t *bits, size_t words)
{
    for (size_t x = 0; x < columns; x += 8)
        for (size_t band = 0; band < bands; band++) {
            const uint8_t *group = bytes + 8 * band * pitch + x;
            if (x + 8 <= columns)
                turn_eight(group, pitch, 8, bits + x * words + band, words);
            else
                turn_eight(group, pitch, columns - x, bits + x * words + band, words);
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

static void transpose_scalar(uint64_t tile[64])
{
    fseg_transpose(tile);
}

/* Bit i of b, if it is one, before the places of higher bits. */
#define PLACE(b, i, higher) \
    ((higher) << ((b) >> (i) & 1) * 8 | ((b) >> (i) & 1) * UINT64_C(i))
#define PLACES(b)                                                                                \
    PLACE(b, 0, PLACE(b, 1, PLACE(b, 2, PLACE(b, 3, PLACE(b, 4, PLACE(b, 5, PLACE(b, 6,          \
          (b) >> 7 & UINT64_C(1) ? UINT64_C(7) : UINT64_C(0))))))))
#define COUNT(b)                                                                                 \
    (((b) & 1) + ((b) >> 1 & 1) + ((b) >> 2 & 1) + ((b) >> 3 & 1) + ((b) >> 4 & 1)               \
     + ((b) >> 5 & 1) + ((b) >> 6 & 1) + ((b) >> 7 & 1))
#define BYTES_4(of, b) of(b), of((b) + 1), of((b) + 2), of((b) + 3)
#define BYTES_16(of, b)                                                                          \
    BYTES_4(of, b), BYTES_4(of, (b) + 4), BYTES_4(of, (b) + 8), BYTES_4(of, (b) + 12)
#define BYTES_64(of, b)                                                                          \
    BYTES_16(of, b), BYTES_16(of, (b) + 16), BYTES_16(of, (b) + 32), BYTES_16(of, (b) + 48)
#define BYTES_256(of)                                                                            \
    {                                                                                            \
        BYTES_64(of, 0), BYTES_64(of, 64), BYTES_64(of, 128), BYTES_64(of, 192)                  \
    }

const uint64_t fseg_ones[256] = BYTES_256(PLACES);
const uint8_t fseg_one_counts[256] = BYTES_256(COUNT);

const fseg_pack_loops fseg_pack_scalar = {
    {rows_nonzero_u8, rows_equal_u8, rows_above_f32, rows_above_f64},
    {group_nonzero_u8, group_equal_u8, group_above_f32, group_above_f64},
    turn_scalar,
    changes_scalar,
    emit_scalar,
    transpose_scalar,
};
