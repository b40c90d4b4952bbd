/* The inner loops of pack.c. */
#ifndef FACESEG_PACK_LOOPS_H
#define FACESEG_PACK_LOOPS_H

#include "faceseg.h"
#include "portable.h"

enum { FSEG_TESTS = 4 };

/* Long rows are read in so many pages of memory at a time: what is not in the cache comes faster
 * than from one page after the other (bytes and floats, 256 x 256 to 1080 x 1920: 1.13 to 1.25 x). */
enum { PAGE = 4096, PAGES = 4 };

/* What pixels are compared with: the float is the largest that is not over the double, so that the
 * same floats are over both. */
typedef struct {
    uint8_t label;
    float above_f32;
    double above_f64;
} fseg_limit;

/* The largest float that is not over `value`. */
float fseg_float_not_over(double value);

/* Tables are indexed by fseg_test. */
typedef struct {
    /* Pack `rows` rows of `columns` pixels, each from a new word on; whether there was a NaN. */
    int (*rows[FSEG_TESTS])(const uint8_t *pixels, size_t rows, size_t columns, ptrdiff_t stride,
                            const fseg_limit *limit, uint64_t *bits);

    /* Pack up to eight rows of `columns` pixels: row r to bit r of a byte per column, the bits of
     * further rows 0; whether there was a NaN. Writes up to 64 bytes at a time. */
    int (*group[FSEG_TESTS])(const uint8_t *pixels, size_t rows, size_t columns, ptrdiff_t stride,
                             const fseg_limit *limit, uint8_t *bytes);

    /* Groups, `pitch` bytes apart, each eight to a band of one word per column. The words of a band
     * are `words` words apart, those of a column follow each other. */
    void (*turn)(const uint8_t *bytes, size_t pitch, size_t columns, size_t bands, uint64_t *bits,
                 size_t words);

    /* Number of pixels that differ from the one before them, the first from a zero. */
    size_t (*changes)(const fseg_plane *plane);

    /* Write the runs but for the last one; return the position where that one starts. */
    uint32_t (*emit)(const fseg_plane *plane, uint32_t *counts);

    /* Transpose 64 words of 64 bits. */
    void (*transpose)(uint64_t tile[64]);
} fseg_pack_loops;

/* Changes that a walk over all bits of a plane finds too much, since it takes the zeros after the
 * end of a line for pixels: where a line ends with a one, one if it is the last, two if the next
 * starts with a one. If that starts with a zero, the change is at the right position already. */
static inline size_t fseg_padding_changes(const fseg_plane *plane)
{
    if (plane->length % 64 == 0)
        return 0;
    unsigned last = (unsigned)((plane->length - 1) % 64);
    const uint64_t *end = plane->bits + plane->words - 1;
    size_t surplus = 0;
    for (size_t y = 1; y < plane->lines; y++, end += plane->words)
        surplus += (size_t)(end[0] >> last & end[1] & 1) * 2;
    return surplus + (size_t)(end[0] >> last & 1);
}

/* In byte i of element b, the place of the i-th one among the bits of b. */
extern const uint64_t fseg_ones[256];

extern const uint8_t fseg_one_counts[256];

/* Number of ones in each byte. */
static inline uint64_t fseg_byte_popcounts(uint64_t word)
{
    word -= word >> 1 & UINT64_C(0x5555555555555555);
    word = (word & UINT64_C(0x3333333333333333)) + (word >> 2 & UINT64_C(0x3333333333333333));
    return (word + (word >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
}

/* Swap the squares beside the diagonal: of the words of each two groups of `size`, the bits above
 * `shift` of the first with those below it of the second. */
static inline void fseg_swap_squares(uint64_t *words, unsigned n, unsigned size, unsigned shift,
                                     uint64_t mask)
{
    for (unsigned i = 0; i < n; i += 2 * size)
        for (unsigned j = i; j < i + size; j++) {
            uint64_t swapped = (words[j] >> shift ^ words[j + size]) & mask;
            words[j] ^= swapped << shift;
            words[j + size] ^= swapped;
        }
}

/* Transpose 64 words of 64 bits. */
static inline void fseg_transpose(uint64_t tile[64])
{
    fseg_swap_squares(tile, 64, 32, 32, UINT64_C(0x00000000ffffffff));
    fseg_swap_squares(tile, 64, 16, 16, UINT64_C(0x0000ffff0000ffff));
    fseg_swap_squares(tile, 64, 8, 8, UINT64_C(0x00ff00ff00ff00ff));
    fseg_swap_squares(tile, 64, 4, 4, UINT64_C(0x0f0f0f0f0f0f0f0f));
    fseg_swap_squares(tile, 64, 2, 2, UINT64_C(0x3333333333333333));
    fseg_swap_squares(tile, 64, 1, 1, UINT64_C(0x5555555555555555));
}

extern const fseg_pack_loops fseg_pack_scalar;
#if FSEG_X86
extern const fseg_pack_loops fseg_pack_sse2;
extern const fseg_pack_loops fseg_pack_avx2;
extern const fseg_pack_loops fseg_pack_avx512;
#endif
#if FSEG_ARM
extern const fseg_pack_loops fseg_pack_neon;
#endif

#endif
