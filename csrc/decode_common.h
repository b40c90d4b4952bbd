/* What all versions of decoding share: the data that their parts hand to each other. */
#ifndef FACESEG_DECODE_COMMON_H
#define FACESEG_DECODE_COMMON_H

#include "decode_loops.h"

#include <string.h>

/* Lines of bits: those of line y, 64 pixels a word, are words[y * next], [y * next + step], ... */
typedef struct {
    const uint64_t *words;
    size_t step;
    size_t next;
    size_t lines;
    size_t length;
    size_t left; /* pixels of background before a line, and after it */
    size_t right;
} bit_lines;

/* The next change of colour, a position in the mask, and the run that begins there. After the last
 * run it is the area, which no loop reaches. */
typedef struct {
    uint64_t at;
    const uint32_t *next;
    const uint32_t *stop;
    const uint32_t *counts;
} walk;

static inline size_t words_of(size_t pixels)
{
    return (pixels + 63) / 64;
}

/* Ones for the pixels of the last word of a line. */
static inline uint64_t last_mask(size_t length)
{
    return UINT64_MAX >> ((64 - length % 64) % 64);
}

/* Pixels are asked for so many bytes before they are written: beyond the second cache plain stores
 * are slower than memset, with this they are not. */
enum { AHEAD = 1024 };

static inline void ask(const uint8_t *pixels)
{
#if defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch((const void *)((uintptr_t)pixels + AHEAD), 1, 3);
#else
    (void)pixels;
#endif
}

/* Eight bytes of elements, in the order of memory. */
static inline uint64_t eight_bytes(size_t size, uint64_t value)
{
    uint8_t byte = (uint8_t)value;
    uint16_t two = (uint16_t)value, pair[4] = {two, two, two, two};
    uint32_t four = (uint32_t)value, quad[2] = {four, four};
    if (size == 1)
        memset(&value, byte, 8);
    else if (size == 2)
        memcpy(&value, pair, 8);
    else if (size == 4)
        memcpy(&value, quad, 8);
    return value;
}

/* Bit i becomes the sum, modulo 2, of the bits up to it. */
static inline uint64_t prefix_sums(uint64_t word)
{
    word ^= word << 1;
    word ^= word << 2;
    word ^= word << 4;
    word ^= word << 8;
    word ^= word << 16;
    return word ^ word << 32;
}

#endif
