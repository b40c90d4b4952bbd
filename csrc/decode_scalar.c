/* Decoding, portable. */
#include "decode_common.h"

#define TARGET
#define REPEAT(byte) ((uint64_t)(byte) * UINT64_C(0x0101010101010101))

typedef uint64_t elements;

/* Eight bytes in the order of memory, from the eight low bits: 1 where the bit is set. */
static inline uint64_t spread(uint64_t bits)
{
    uint64_t single = REPEAT(bits & 0xff) & UINT64_C(0x8040201008040201);
    uint64_t ones = (single + REPEAT(0x7f)) >> 7 & REPEAT(1);
    return FSEG_BIG_ENDIAN ? fseg_swap(ones) : ones;
}

static inline void put(uint8_t *pixels, elements all)
{
    memcpy(pixels, &all, sizeof all);
}

static inline elements repeat_8(uint64_t value)
{
    return value & 0xff;
}

static inline void write_8(uint64_t word, uint8_t *pixels, elements value)
{
    for (size_t i = 0; i < 64; i += 8, word >>= 8) {
        uint64_t bytes = spread(word) * value;
        memcpy(pixels + i, &bytes, 8);
    }
}

static inline void paint_8(uint64_t word, uint8_t *pixels, elements value)
{
    for (size_t i = 0; word; i += 8, word >>= 8) {
        uint64_t ones = spread(word), bytes;
        memcpy(&bytes, pixels + i, 8);
        bytes = (bytes & ~(ones * 0xff)) | ones * value;
        memcpy(pixels + i, &bytes, 8);
    }
}

#define WIDE(width)                                                                                \
    static inline elements repeat_##width(uint64_t value)                                          \
    {                                                                                              \
        return value;                                                                              \
    }                                                                                              \
    static inline void write_##width(uint64_t word, uint8_t *pixels, elements value)               \
    {                                                                                              \
        for (size_t i = 0; i < 64; i++, pixels += width / 8) {                                     \
            uint##width##_t element = (uint##width##_t)(value & (0 - (word >> i & 1)));            \
            memcpy(pixels, &element, sizeof element);                                              \
        }                                                                                          \
    }                                                                                              \
    static inline void paint_##width(uint64_t word, uint8_t *pixels, elements value)               \
    {                                                                                              \
        uint##width##_t element = (uint##width##_t)value;                                          \
        for (; word; word >>= 1, pixels += width / 8)                                              \
            if (word & 1)                                                                          \
                memcpy(pixels, &element, sizeof element);                                          \
    }
WIDE(16)
WIDE(32)
WIDE(64)

#include "decode_lines.h"

static inline void clear_words(uint64_t *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        words[i] = 0;
}

static inline void integrate(uint64_t *words, size_t n, uint64_t carry)
{
    for (size_t i = 0; i < n; i++) {
        words[i] = prefix_sums(words[i]) ^ carry;
        carry = 0 - (words[i] >> 63);
    }
}

/* Marks are never bytes. */
#define DENSE 0
#define ASK_EARLY 0
#define marks_to_words(bytes, n, words) ((void)(bytes), (void)(n), (void)(words))

static void transpose(uint64_t *tile)
{
    uint64_t mask = UINT64_C(0x00000000ffffffff);
    for (unsigned step = 32; step; step /= 2, mask ^= mask << step)
        for (unsigned i = 0; i < 64; i = (i + step + 1) & ~step) {
            uint64_t differ = (tile[i] >> step ^ tile[i + step]) & mask;
            tile[i] ^= differ << step;
            tile[i + step] ^= differ;
        }
}

static void turn_lines(const uint64_t *bits, size_t pitch, size_t n, uint64_t *tile)
{
    for (size_t i = 0; i < n; i++)
        tile[i] = bits[i * pitch];
    for (size_t i = n; i < 64; i++)
        tile[i] = 0;
    transpose(tile);
}

static int sum_tile(uint64_t *tile, uint64_t row)
{
    uint64_t any = 0;
    for (size_t i = 0; i < 64; i++)
        any |= tile[i];
    if (any)
        transpose(tile);
    for (size_t i = 0; i < 64; i++)
        tile[i] = row ^= tile[i];
    return any != 0;
}

#include "decode_body.h"

const fseg_decode_loops fseg_decode_scalar = {
    plane_fill,    plane_fill_resized, decode,        decode_across,
    decode_labels, expand_rows,        expand_columns,
};
