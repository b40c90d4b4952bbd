/* The inner loops of decoding: words of bits to pixels. */
#ifndef FACESEG_DECODE_LOOPS_H
#define FACESEG_DECODE_LOOPS_H

#include "faceseg.h"
#include "portable.h"

typedef struct {
    /* Write n pixels, 64 from each of the words bits[0], bits[step], bits[2 * step], ... The rest of
     * the target says what is written. */
    void (*expand)(const uint64_t *bits, size_t step, size_t n, void *pixels,
                   const fseg_target *target);
    /* Write n elements of the low `size` bytes of value. */
    void (*fill)(void *pixels, size_t n, size_t size, uint64_t value);
    /* Bit i of each of n words becomes the sum, modulo 2, of all bits up to it, those of the words
     * before and of `carry` (0 or all ones) too. Return the carry into the next word. */
    uint64_t (*integrate)(uint64_t *words, size_t n, uint64_t carry);
    /* Transpose 64 words of 64 bits in place. */
    void (*transpose)(uint64_t *tile);
} fseg_decode_loops;

extern const fseg_decode_loops fseg_decode_scalar;
#if FSEG_X86
extern const fseg_decode_loops fseg_decode_sse2, fseg_decode_avx2, fseg_decode_avx512;
#endif
#if FSEG_ARM
extern const fseg_decode_loops fseg_decode_neon;
#endif

#endif
