/* Packing of pixels and emission of runs with AVX-512: tests give 64 bits at once, and byte
 * compression turns a word of changes into run lengths without a branch per change. */
#include "pack_loops.h"

#if FSEG_X86

#include <string.h>

/* Words that are searched for changes before these are written: 6 KiB of stack. */
enum { CHUNK = 512 };

#define AHEAD 4096

FSEG_AVX512 static inline uint64_t first_bits(size_t n)
{
    return _bzhi_u64(~UINT64_C(0), (unsigned)n);
}

/* Fetch what is read later; it may lie outside the pixels. */
FSEG_AVX512 static inline void fetch(const uint8_t *pixels, ptrdiff_t ahead)
{
    _mm_prefetch((const char *)((uintptr_t)pixels + (uintptr_t)ahead), _MM_HINT_T0);
}

FSEG_AVX512 static inline void fetch_pixels(const uint8_t *pixels, size_t bytes, ptrdiff_t ahead)
{
    for (size_t i = 0; i < bytes; i += 64)
        fetch(pixels + i, ahead);
}

/* --- the tests of up to 64 pixels: a bit for each that is foreground -------------------------- */

FSEG_AVX512 static inline __mmask64 test_nonzero_u8(const uint8_t *pixels, __mmask64 valid,
                                                    const fseg_limit *limit, __mmask16 *nan)
{
    (void)limit;
    (void)nan;
    __m512i bytes = _mm512_maskz_loadu_epi8(valid, pixels);
    return _mm512_test_epi8_mask(bytes, bytes);
}

FSEG_AVX512 static inline __mmask64 test_equal_u8(const uint8_t *pixels, __mmask64 valid,
                                                  const fseg_limit *limit, __mmask16 *nan)
{
    (void)nan;
    return _mm512_mask_cmpeq_epi8_mask(valid, _mm512_maskz_loadu_epi8(valid, pixels),
                                       _mm512_set1_epi8((char)limit->label));
}

FSEG_AVX512 static inline uint32_t test_above_32_f32(const uint8_t *pixels, uint32_t valid,
                                                     __m512 limit, __mmask16 *nan)
{
    __m512 low = _mm512_maskz_loadu_ps((__mmask16)valid, pixels);
    __m512 high = _mm512_maskz_loadu_ps((__mmask16)(valid >> 16), pixels + 64);
    *nan |= _mm512_cmp_ps_mask(low, high, _CMP_UNORD_Q);
    __mmask16 low_above = _mm512_cmp_ps_mask(low, limit, _CMP_GT_OQ);
    __mmask16 high_above = _mm512_cmp_ps_mask(high, limit, _CMP_GT_OQ);
    return _mm512_kunpackw(high_above, low_above) & valid;
}

FSEG_AVX512 static inline __mmask64 test_above_f32(const uint8_t *pixels, __mmask64 valid,
                                                   const fseg_limit *limit, __mmask16 *nan)
{
    __m512 above = _mm512_set1_ps(limit->above_f32);
    uint64_t low = test_above_32_f32(pixels, (uint32_t)valid, above, nan);
    uint64_t high = test_above_32_f32(pixels + 128, (uint32_t)(valid >> 32), above, nan);
    return high << 32 | low;
}

FSEG_AVX512 static inline uint64_t test_above_16_f64(const uint8_t *pixels, unsigned valid,
                                                     __m512d limit, __mmask16 *nan)
{
    __m512d low = _mm512_maskz_loadu_pd((__mmask8)valid, pixels);
    __m512d high = _mm512_maskz_loadu_pd((__mmask8)(valid >> 8), pixels + 64);
    *nan |= _mm512_cmp_pd_mask(low, high, _CMP_UNORD_Q);
    return (unsigned)_mm512_mask_cmp_pd_mask((__mmask8)(valid >> 8), high, limit, _CMP_GT_OQ) << 8
           | _mm512_mask_cmp_pd_mask((__mmask8)valid, low, limit, _CMP_GT_OQ);
}

FSEG_AVX512 static inline __mmask64 test_above_f64(const uint8_t *pixels, __mmask64 valid,
                                                   const fseg_limit *limit, __mmask16 *nan)
{
    __m512d above = _mm512_set1_pd(limit->above_f64);
    uint64_t found = 0;
    for (unsigned i = 0; i < 64; i += 16) {
        unsigned part = (unsigned)(valid >> i) & 0xffff;
        found |= test_above_16_f64(pixels + 8 * i, part, above, nan) << i;
    }
    return found;
}

/* --- rows as lines ---------------------------------------------------------------------------- */

#define PACK_ROWS(test, size)                                                                    \
    FSEG_AVX512 static inline void pages_##test(const uint8_t *pixels, const fseg_limit *limit,  \
                                                __mmask16 *nan, uint64_t *bits)                  \
    {                                                                                            \
        for (size_t i = 0; i < PAGE; i += 64 * (size), bits++)                                   \
            for (size_t page = 0; page < PAGES; page++) {                                        \
                const uint8_t *at = pixels + page * PAGE + i;                                    \
                fetch_pixels(at, 64 * (size), PAGES * PAGE);                                     \
                bits[page * (PAGE / 64 / (size))] = test_##test(at, ~UINT64_C(0), limit, nan);   \
            }                                                                                    \
    }                                                                                            \
                                                                                                 \
    FSEG_AVX512 static int rows_##test(const uint8_t *pixels, size_t rows, size_t columns,       \
                                       ptrdiff_t stride, const fseg_limit *limit,                \
                                       uint64_t *bits)                                           \
    {                                                                                            \
        __mmask16 nan = 0;                                                                       \
        for (size_t y = 0; y < rows; y++) {                                                      \
            const uint8_t *row = pixels + (ptrdiff_t)y * stride;                                 \
            size_t x = 0, pages = PAGES * PAGE / (size);                                         \
            for (; x + pages <= columns; x += pages, bits += pages / 64)                         \
                pages_##test(row + x * (size), limit, &nan, bits);                               \
            for (; x + 256 <= columns; x += 256, bits += 4) {                                    \
                fetch_pixels(row + x * (size), 256 * (size), AHEAD);                             \
                bits[0] = test_##test(row + x * (size), ~UINT64_C(0), limit, &nan);              \
                bits[1] = test_##test(row + (x + 64) * (size), ~UINT64_C(0), limit, &nan);       \
                bits[2] = test_##test(row + (x + 128) * (size), ~UINT64_C(0), limit, &nan);      \
                bits[3] = test_##test(row + (x + 192) * (size), ~UINT64_C(0), limit, &nan);      \
            }                                                                                    \
            for (; x + 64 <= columns; x += 64)                                                   \
                *bits++ = test_##test(row + x * (size), ~UINT64_C(0), limit, &nan);              \
            if (x < columns)                                                                     \
                *bits++ = test_##test(row + x * (size), first_bits(columns - x), limit, &nan);   \
        }                                                                                        \
        return nan != 0;                                                                         \
    }

PACK_ROWS(nonzero_u8, 1)
PACK_ROWS(equal_u8, 1)
PACK_ROWS(above_f32, sizeof(float))
PACK_ROWS(above_f64, sizeof(double))

/* --- columns as lines ------------------------------------------------------------------------- */

/* Up to eight rows of up to 64 columns, each tested, to a byte per column. */

#define BYTES_U8(test)                                                                           \
    FSEG_AVX512 static inline __m512i bytes_##test(const uint8_t *pixels, size_t rows,           \
                                                   ptrdiff_t stride, __mmask64 valid,            \
                                                   const fseg_limit *limit, __mmask16 *nan)      \
    {                                                                                            \
        __m512i bytes = _mm512_setzero_si512();                                                  \
        for (size_t r = 0; r < rows; r++) {                                                      \
            const uint8_t *row = pixels + (ptrdiff_t)r * stride;                                 \
            fetch(row, 8 * stride);                                                              \
            bytes = _mm512_mask_add_epi8(bytes, test_##test(row, valid, limit, nan), bytes,      \
                                         _mm512_set1_epi8((char)(1u << r)));                     \
        }                                                                                        \
        return bytes;                                                                            \
    }

BYTES_U8(nonzero_u8)
BYTES_U8(equal_u8)

/* 16 columns of floats. */
FSEG_AVX512 static inline __m128i bytes_16_f32(const uint8_t *pixels, size_t rows,
                                               ptrdiff_t stride, __mmask16 valid, __m512 above,
                                               __mmask16 *nan)
{
    __m512i found = _mm512_setzero_si512();
    for (size_t r = 0; r < rows; r++) {
        fetch(pixels + (ptrdiff_t)r * stride, 8 * stride);
        __m512 row = _mm512_maskz_loadu_ps(valid, pixels + (ptrdiff_t)r * stride);
        *nan |= _mm512_cmp_ps_mask(row, row, _CMP_UNORD_Q);
        __mmask16 bit = _mm512_cmp_ps_mask(row, above, _CMP_GT_OQ);
        found = _mm512_mask_or_epi32(found, bit, found, _mm512_set1_epi32(1 << r));
    }
    return _mm512_cvtepi32_epi8(found);
}

FSEG_AVX512 static inline __m512i bytes_above_f32(const uint8_t *pixels, size_t rows,
                                                  ptrdiff_t stride, __mmask64 valid,
                                                  const fseg_limit *limit, __mmask16 *nan)
{
    __m512 above = _mm512_set1_ps(limit->above_f32);
    __m128i a = bytes_16_f32(pixels, rows, stride, (__mmask16)valid, above, nan);
    __m128i b = bytes_16_f32(pixels + 64, rows, stride, (__mmask16)(valid >> 16), above, nan);
    __m128i c = bytes_16_f32(pixels + 128, rows, stride, (__mmask16)(valid >> 32), above, nan);
    __m128i d = bytes_16_f32(pixels + 192, rows, stride, (__mmask16)(valid >> 48), above, nan);
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_set_m128i(b, a)),
                              _mm256_set_m128i(d, c), 1);
}

/* Eight columns of doubles. */
FSEG_AVX512 static inline __m128i bytes_8_f64(const uint8_t *pixels, size_t rows,
                                              ptrdiff_t stride, __mmask8 valid, __m512d above,
                                              __mmask16 *nan)
{
    __m512i found = _mm512_setzero_si512();
    for (size_t r = 0; r < rows; r++) {
        fetch(pixels + (ptrdiff_t)r * stride, 8 * stride);
        __m512d row = _mm512_maskz_loadu_pd(valid, pixels + (ptrdiff_t)r * stride);
        *nan |= _mm512_cmp_pd_mask(row, row, _CMP_UNORD_Q);
        __mmask8 bit = _mm512_cmp_pd_mask(row, above, _CMP_GT_OQ);
        found = _mm512_mask_or_epi64(found, bit, found, _mm512_set1_epi64(1 << r));
    }
    return _mm512_cvtepi64_epi8(found);
}

FSEG_AVX512 static inline __m512i bytes_above_f64(const uint8_t *pixels, size_t rows,
                                                  ptrdiff_t stride, __mmask64 valid,
                                                  const fseg_limit *limit, __mmask16 *nan)
{
    __m512d above = _mm512_set1_pd(limit->above_f64);
    __m128i part[4];
    for (unsigned i = 0; i < 4; i++) {
        __m128i low = bytes_8_f64(pixels + 128 * i, rows, stride, (__mmask8)(valid >> 16 * i),
                                  above, nan);
        __m128i high = bytes_8_f64(pixels + 128 * i + 64, rows, stride,
                                   (__mmask8)(valid >> (16 * i + 8)), above, nan);
        part[i] = _mm_unpacklo_epi64(low, high);
    }
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_set_m128i(part[1], part[0])),
                              _mm256_set_m128i(part[3], part[2]), 1);
}

#define PACK_GROUP(test, size)                                                                   \
    FSEG_AVX512 static int group_##test(const uint8_t *pixels, size_t rows, size_t columns,      \
                                        ptrdiff_t stride, const fseg_limit *limit,               \
                                        uint8_t *bytes)                                          \
    {                                                                                            \
        __mmask16 nan = 0;                                                                       \
        size_t x = 0;                                                                            \
        if (rows == 8)                                                                           \
            for (; x + 64 <= columns; x += 64)                                                   \
                _mm512_storeu_si512(bytes + x, bytes_##test(pixels + x * (size), 8, stride,      \
                                                            ~UINT64_C(0), limit, &nan));         \
        for (; x < columns; x += 64) {                                                           \
            __mmask64 valid = columns - x < 64 ? first_bits(columns - x) : ~UINT64_C(0);         \
            _mm512_storeu_si512(bytes + x, bytes_##test(pixels + x * (size), rows, stride,       \
                                                        valid, limit, &nan));                    \
        }                                                                                        \
        return nan != 0;                                                                         \
    }

PACK_GROUP(nonzero_u8, 1)
PACK_GROUP(equal_u8, 1)
PACK_GROUP(above_f32, sizeof(float))
PACK_GROUP(above_f64, sizeof(double))

FSEG_AVX512 static inline void store_pair(__m128i pair, uint64_t *bits, size_t words)
{
    _mm_storel_epi64((__m128i *)(void *)bits, pair);
    _mm_storeh_pi((__m64 *)(void *)(bits + words), _mm_castsi128_ps(pair));
}

/* Eight vectors of 64 bytes to a word of their eight bytes each. */
FSEG_AVX512 static inline void turn_vectors(const __m512i group[8], uint64_t *bits, size_t words)
{
    __m512i pairs[8], fours[8];
    for (int i = 0; i < 8; i += 2) {
        pairs[i] = _mm512_unpacklo_epi8(group[i], group[i + 1]);
        pairs[i + 1] = _mm512_unpackhi_epi8(group[i], group[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int j = 0; j < 2; j++) {
            fours[i + 2 * j] = _mm512_unpacklo_epi16(pairs[i + j], pairs[i + 2 + j]);
            fours[i + 2 * j + 1] = _mm512_unpackhi_epi16(pairs[i + j], pairs[i + 2 + j]);
        }
    for (size_t j = 0; j < 8; j++) {
        __m512i eights = j & 1 ? _mm512_unpackhi_epi32(fours[j / 2], fours[4 + j / 2])
                               : _mm512_unpacklo_epi32(fours[j / 2], fours[4 + j / 2]);
        uint64_t *to = bits + 2 * j * words;
        store_pair(_mm512_castsi512_si128(eights), to, words);
        store_pair(_mm512_extracti64x2_epi64(eights, 1), to + 16 * words, words);
        store_pair(_mm512_extracti64x2_epi64(eights, 2), to + 32 * words, words);
        store_pair(_mm512_extracti64x2_epi64(eights, 3), to + 48 * words, words);
    }
}

FSEG_AVX512 static inline void turn_part(const uint8_t *bytes, size_t pitch, size_t columns,
                                         uint64_t *bits, size_t words)
{
    uint64_t part[64];
    __m512i group[8];
    for (size_t i = 0; i < 8; i++)
        group[i] = _mm512_maskz_loadu_epi8(first_bits(columns), bytes + i * pitch);
    turn_vectors(group, part, 1);
    for (size_t i = 0; i < columns; i++)
        bits[i * words] = part[i];
}

FSEG_AVX512 static void turn_avx512(const uint8_t *bytes, size_t pitch, size_t columns,
                                    size_t bands, uint64_t *bits, size_t words)
{
    __m512i group[8];
    size_t x = 0;
    for (; x + 64 <= columns; x += 64)
        for (size_t band = 0; band < bands; band++) {
            for (size_t i = 0; i < 8; i++)
                group[i] = _mm512_loadu_si512(bytes + (8 * band + i) * pitch + x);
            turn_vectors(group, bits + x * words + band, words);
        }
    if (x < columns)
        for (size_t band = 0; band < bands; band++)
            turn_part(bytes + 8 * band * pitch + x, pitch, columns - x, bits + x * words + band,
                      words);
}

/* --- planes to runs --------------------------------------------------------------------------- */

FSEG_AVX512 static inline __m512i differing(__m512i words, __m512i before)
{
    return _mm512_xor_si512(
        words, _mm512_shldi_epi64(words, _mm512_alignr_epi64(words, before, 7), 1));
}

FSEG_AVX512 static size_t changes_avx512(const fseg_plane *plane)
{
    size_t words = plane->lines * plane->words;
    __m512i before = _mm512_setzero_si512(), sums = before;
    for (size_t i = 0; i < words; i += 8) {
        __mmask8 valid = (__mmask8)first_bits(words - i < 8 ? words - i : 8);
        __m512i found = _mm512_maskz_loadu_epi64(valid, plane->bits + i);
        sums = _mm512_add_epi64(sums, _mm512_maskz_popcnt_epi64(valid, differing(found, before)));
        before = found;
    }
    return (size_t)_mm512_reduce_add_epi64(sums) - fseg_padding_changes(plane);
}

/* Words with changes, and the positions of their first pixels. */
typedef struct {
    uint64_t changes[CHUNK + 8];
    uint32_t starts[CHUNK + 8];
} changed_words;

/* Where eight words lie in their lines. */
typedef struct {
    __m512i before;
    __m256i starts; /* positions of their first pixels */
    __m256i inside; /* their numbers in their lines */
} cursor;

typedef struct {
    uint32_t words; /* in a line */
    unsigned tail;  /* pixels in the last one of them, 0 for 64 */
    __m256i step;   /* of `inside`, before it is brought back under `words` */
    __m256i stride; /* of `starts`, likewise */
    __m256i padding;
} layout;

FSEG_AVX512 static layout layout_of(const fseg_plane *plane, cursor *at)
{
    layout lines = {(uint32_t)plane->words, plane->length % 64, {0}, {0}, {0}};
    uint32_t inside[8], starts[8], padding = lines.tail ? 64 - lines.tail : 0;
    for (uint32_t i = 0; i < 8; i++) {
        inside[i] = i % lines.words;
        starts[i] = 64 * i - padding * (i / lines.words);
    }
    at->before = _mm512_setzero_si512();
    at->starts = _mm256_loadu_si256((const __m256i *)(const void *)starts);
    at->inside = _mm256_loadu_si256((const __m256i *)(const void *)inside);
    lines.step = _mm256_set1_epi32((int)(8 % lines.words));
    lines.stride = _mm256_set1_epi32((int)(512 - padding * (8 / lines.words)));
    lines.padding = _mm256_set1_epi32((int)padding);
    return lines;
}

/* Give the bits after the end of a line the value of its last pixel: no change falls there. */
FSEG_AVX512 static inline __m512i fill_padding(__m512i words, const layout *lines, __m256i inside)
{
    __mmask8 end = _mm256_cmpeq_epi32_mask(inside, _mm256_set1_epi32((int)(lines->words - 1)));
    __m512i last = _mm512_set1_epi64((long long)(UINT64_C(1) << (lines->tail - 1)));
    __m512i after = _mm512_set1_epi64((long long)(~UINT64_C(0) << lines->tail));
    return _mm512_mask_or_epi64(words, _mm512_mask_test_epi64_mask(end, words, last), words, after);
}

FSEG_AVX512 static inline void advance(cursor *at, const layout *lines)
{
    at->starts = _mm256_add_epi32(at->starts, lines->stride);
    if (!lines->tail)
        return;
    __m256i words = _mm256_set1_epi32((int)lines->words);
    at->inside = _mm256_add_epi32(at->inside, lines->step);
    __mmask8 over = _mm256_cmpge_epu32_mask(at->inside, words);
    at->inside = _mm256_mask_sub_epi32(at->inside, over, at->inside, words);
    at->starts = _mm256_mask_sub_epi32(at->starts, over, at->starts, lines->padding);
}

/* Find the changed ones of up to CHUNK words; return their number. */
FSEG_AVX512 static inline size_t find_changed(const uint64_t *bits, size_t words,
                                              const layout *lines, cursor *at,
                                              changed_words *found)
{
    size_t n = 0;
    for (size_t i = 0; i < words; i += 8) {
        __mmask8 valid = (__mmask8)first_bits(words - i < 8 ? words - i : 8);
        __m512i eight = _mm512_maskz_loadu_epi64(valid, bits + i);
        if (lines->tail)
            eight = fill_padding(eight, lines, at->inside);
        __m512i changes = differing(eight, at->before);
        __mmask8 some = _mm512_mask_test_epi64_mask(valid, changes, changes);
        _mm512_storeu_si512(found->changes + n, _mm512_maskz_compress_epi64(some, changes));
        _mm256_storeu_si256((__m256i *)(void *)(found->starts + n),
                            _mm256_maskz_compress_epi32(some, at->starts));
        n += (size_t)_mm_popcnt_u32(some);
        at->before = eight;
        advance(at, lines);
    }
    return n;
}

/* Write 16 of 64 bytes as numbers, from byte `first` on. */
FSEG_AVX512 static inline void widen(__m512i bytes, int first, uint32_t *counts)
{
    __m512i order = _mm512_add_epi32(
        _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
        _mm512_set1_epi32(first));
    const __mmask64 lowest = UINT64_C(0x1111111111111111);
    _mm512_storeu_si512(counts, _mm512_maskz_permutexvar_epi8(lowest, order, bytes));
}

/* Write the run that ends at the first change of a word, whose first pixel is `start`, and those
 * between its changes; return their number. */
FSEG_AVX512 static inline size_t emit_word(uint64_t changes, uint32_t start, uint32_t *last,
                                           uint32_t *counts)
{
    static const uint8_t ASCENDING[65] = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64};
    size_t n = (size_t)_mm_popcnt_u64(changes);
    __m512i places = _mm512_maskz_compress_epi8(changes, _mm512_loadu_si512(ASCENDING));
    __m512i next = _mm512_permutexvar_epi8(_mm512_loadu_si512(ASCENDING + 1), places);
    __m512i lengths = _mm512_sub_epi8(next, places);
    widen(lengths, 0, counts + 1);
    if (n > 16) {
        widen(lengths, 16, counts + 17);
        widen(lengths, 32, counts + 33);
        if (n > 48)
            widen(lengths, 48, counts + 49);
    }
    counts[0] = start + (uint32_t)_tzcnt_u64(changes) - *last;
    *last = start + 63 - (uint32_t)_lzcnt_u64(changes);
    return n;
}

FSEG_AVX512 static uint32_t emit_avx512(const fseg_plane *plane, uint32_t *counts)
{
    size_t words = plane->lines * plane->words;
    changed_words found;
    cursor at;
    layout lines = layout_of(plane, &at);
    uint32_t last = 0;
    for (size_t i = 0; i < words; i += CHUNK) {
        size_t n = find_changed(plane->bits + i, words - i < CHUNK ? words - i : CHUNK, &lines,
                                &at, &found);
        for (size_t j = 0; j < n; j++)
            counts += emit_word(found.changes[j], found.starts[j], &last, counts);
    }
    return last;
}

/* --- planes to planes ------------------------------------------------------------------------- */

/* Eight words of eight bytes to eight bytes of each of the 64 columns: bytes first, then the bits
 * of each square of eight. */
FSEG_AVX512 static inline __m512i turn_words(__m512i words)
{
    /* Byte c of word r goes to byte 7 - r of word c: the product takes the last rows first. */
    const __m512i order = _mm512_set_epi64(
        0x070f171f272f373f, 0x060e161e262e363e, 0x050d151d252d353d, 0x040c141c242c343c,
        0x030b131b232b333b, 0x020a121a222a323a, 0x0109111921293139, 0x0008101820283038);
    const __m512i diagonal = _mm512_set1_epi64((long long)UINT64_C(0x8040201008040201));
    return _mm512_gf2p8affine_epi64_epi8(diagonal, _mm512_permutexvar_epi8(order, words), 0);
}

FSEG_AVX512 static void transpose_avx512(uint64_t tile[64])
{
    __m512i group[8];
    for (size_t i = 0; i < 8; i++)
        group[i] = turn_words(_mm512_loadu_si512(tile + 8 * i));
    turn_vectors(group, tile, 1);
}

const fseg_pack_loops fseg_pack_avx512 = {
    {rows_nonzero_u8, rows_equal_u8, rows_above_f32, rows_above_f64},
    {group_nonzero_u8, group_equal_u8, group_above_f32, group_above_f64},
    turn_avx512,
    changes_avx512,
    emit_avx512,
    transpose_avx512,
};

#endif
