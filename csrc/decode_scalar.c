/* Loops of decoding, portable. */
#include "decode_loops.h"

#include <string.h>

#define REPEAT(byte) ((uint64_t)(byte) * UINT64_C(0x0101010101010101))

static inline size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Eight bytes in the order of memory, from the eight low bits: 1 where the bit is set. */
static inline uint64_t spread(uint64_t bits)
{
    uint64_t single = REPEAT(bits & 0xff) & UINT64_C(0x8040201008040201);
    uint64_t ones = (single + REPEAT(0x7f)) >> 7 & REPEAT(1);
    return FSEG_BIG_ENDIAN ? fseg_swap(ones) : ones;
}

static void write_u8(uint64_t bits, size_t n, uint8_t *pixels, uint64_t value)
{
    for (; n >= 8; n -= 8, bits >>= 8, pixels += 8) {
        uint64_t bytes = spread(bits) * (value & 0xff);
        memcpy(pixels, &bytes, 8);
    }
    for (; n; n--, bits >>= 1)
        *pixels++ = bits & 1 ? (uint8_t)value : 0;
}

static void paint_u8(uint64_t bits, size_t n, uint8_t *pixels, uint64_t value)
{
    for (; n >= 8; n -= 8, bits >>= 8, pixels += 8) {
        uint64_t ones = spread(bits), bytes;
        memcpy(&bytes, pixels, 8);
        bytes = (bytes & ~(ones * 0xff)) | ones * (value & 0xff);
        memcpy(pixels, &bytes, 8);
    }
    for (; n; n--, bits >>= 1, pixels++)
        if (bits & 1)
            *pixels = (uint8_t)value;
}

#define WRITE(name, type)                                                                         \
    static void write_##name(uint64_t bits, size_t n, uint8_t *pixels, uint64_t value)            \
    {                                                                                             \
        for (size_t i = 0; i < n; i++) {                                                          \
            type element = (type)(value & (0 - (bits >> i & 1)));                                 \
            memcpy(pixels + i * sizeof element, &element, sizeof element);                        \
        }                                                                                         \
    }                                                                                             \
    static void paint_##name(uint64_t bits, size_t n, uint8_t *pixels, uint64_t value)            \
    {                                                                                             \
        type element = (type)value;                                                               \
        for (size_t i = 0; i < n; i++)                                                            \
            if (bits >> i & 1)                                                                    \
                memcpy(pixels + i * sizeof element, &element, sizeof element);                    \
    }
WRITE(u16, uint16_t)
WRITE(u32, uint32_t)
WRITE(u64, uint64_t)

typedef void word_function(uint64_t bits, size_t n, uint8_t *pixels, uint64_t value);

static word_function *choose(size_t size, int paint)
{
    switch (size) {
    case 1: return paint ? paint_u8 : write_u8;
    case 2: return paint ? paint_u16 : write_u16;
    case 4: return paint ? paint_u32 : write_u32;
    default: return paint ? paint_u64 : write_u64;
    }
}

static void fill(void *pixels, size_t n, size_t size, uint64_t value)
{
    if (size == 1) {
        memset(pixels, (int)(value & 0xff), n);
        return;
    }
    word_function *write = choose(size, 0);
    uint8_t *at = pixels;
    for (size_t width; n; n -= width, at += width * size) {
        width = least(n, 64);
        write(UINT64_MAX, width, at, value);
    }
}

static void expand(const uint64_t *bits, size_t step, size_t n, void *pixels,
                   const fseg_target *target)
{
    word_function *write = choose(target->size, target->paint);
    uint8_t *at = pixels;
    for (size_t width; n; n -= width, bits += step, at += width * target->size) {
        width = least(n, 64);
        if (*bits || !target->paint)
            write(*bits, width, at, target->value);
    }
}

static uint64_t integrate(uint64_t *words, size_t n, uint64_t carry)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t word = words[i];
        for (unsigned shift = 1; shift < 64; shift *= 2)
            word ^= word << shift;
        words[i] = word ^= carry;
        carry = 0 - (word >> 63);
    }
    return carry;
}

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

const fseg_decode_loops fseg_decode_scalar = {expand, fill, integrate, transpose};
#if FSEG_X86
const fseg_decode_loops fseg_decode_sse2 = {expand, fill, integrate, transpose};
const fseg_decode_loops fseg_decode_avx2 = {expand, fill, integrate, transpose};
const fseg_decode_loops fseg_decode_avx512 = {expand, fill, integrate, transpose};
#endif
#if FSEG_ARM
const fseg_decode_loops fseg_decode_neon = {expand, fill, integrate, transpose};
#endif
