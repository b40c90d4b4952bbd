/* Loops of decoding for AVX-512. */
#include "decode_common.h"

#if FSEG_X86

#define TARGET FSEG_AVX512

/* Stores under a mask touch only what the mask names, so lines need no special end. */
FSEG_AVX512 static inline __mmask64 first_bits(size_t n)
{
    return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

FSEG_AVX512 static inline void fill_bytes(uint8_t *pixels, size_t bytes, __m512i elements)
{
    for (; bytes >= 64; bytes -= 64, pixels += 64) {
        ask(pixels);
        _mm512_storeu_si512(pixels, elements);
    }
    if (bytes)
        _mm512_mask_storeu_epi8(pixels, first_bits(bytes), elements);
}

/* Elements of one value. */
typedef struct {
    __m512i all;
} pattern;

FSEG_AVX512 static inline pattern pattern_of(uint64_t eight)
{
    pattern of = {_mm512_set1_epi64((long long)eight)};
    return of;
}

/* Up to 64 bytes without a branch on their number, which is noise at the edges of masks. */
FSEG_AVX512 static inline void write_run(uint8_t *pixels, size_t bytes, const pattern *of)
{
    const __m512i all = of->all;
    if (bytes <= 64) {
        _mm512_mask_storeu_epi8(pixels, _bzhi_u64(UINT64_MAX, (unsigned)bytes), all);
        return;
    }
    uint8_t *last = pixels + bytes - 64;
    for (; pixels < last; pixels += 64)
        _mm512_storeu_si512(pixels, all);
    _mm512_storeu_si512(last, all);
}

FSEG_AVX512 static inline void fill(void *pixels, size_t n, size_t size, uint64_t value)
{
    const __m512i all = _mm512_set1_epi64((long long)eight_bytes(size, value));
    uint8_t *at = pixels;
    if (n * size <= 64) {
        _mm512_mask_storeu_epi8(at, first_bits(n * size), all);
        return;
    }
    uint8_t *last = at + n * size - 64;
    _mm512_storeu_si512(at, all);
    for (at += 64 - ((uintptr_t)at & 63 & (0 - size)); at < last; at += 64) {
        ask(at);
        _mm512_storeu_si512(at, all);
    }
    _mm512_storeu_si512(last, all);
}

FSEG_AVX512 static inline void write_u8(const uint64_t *bits, size_t step, size_t n,
                                        uint8_t *pixels, __m512i elements)
{
    for (; n >= 256; n -= 256, bits += 4 * step, pixels += 256)
        for (size_t i = 0; i < 4; i++) {
            ask(pixels + 64 * i);
            _mm512_storeu_si512(pixels + 64 * i,
                                _mm512_maskz_mov_epi8(bits[i * step], elements));
        }
    for (; n >= 64; n -= 64, bits += step, pixels += 64) {
        ask(pixels);
        _mm512_storeu_si512(pixels, _mm512_maskz_mov_epi8(*bits, elements));
    }
    if (n)
        _mm512_mask_storeu_epi8(pixels, first_bits(n), _mm512_maskz_mov_epi8(*bits, elements));
}

FSEG_AVX512 static inline void paint_u8(const uint64_t *bits, size_t step, size_t n,
                                        uint8_t *pixels, __m512i elements)
{
    for (; n >= 64; n -= 64, bits += step, pixels += 64)
        if (*bits)
            _mm512_mask_storeu_epi8(pixels, *bits, elements);
    if (n)
        _mm512_mask_storeu_epi8(pixels, *bits & first_bits(n), elements);
}

#define WIDE(type, lanes)                                                                         \
    FSEG_AVX512 static inline void write_##type(const uint64_t *bits, size_t step, size_t n,      \
                                                uint8_t *pixels, __m512i elements)                \
    {                                                                                             \
        for (; n; bits += step) {                                                                 \
            uint64_t word = *bits;                                                                \
            for (size_t i = 0; i < 64 / lanes && n; i++, word >>= lanes, pixels += 64) {          \
                size_t width = least(n, lanes);                                                   \
                ask(pixels);                                                                      \
                _mm512_mask_storeu_epi##type(                                                     \
                    pixels, (__mmask##lanes)first_bits(width),                                    \
                    _mm512_maskz_mov_epi##type((__mmask##lanes)word, elements));                  \
                n -= width;                                                                       \
            }                                                                                     \
        }                                                                                         \
    }                                                                                             \
    FSEG_AVX512 static inline void paint_##type(const uint64_t *bits, size_t step, size_t n,      \
                                                uint8_t *pixels, __m512i elements)                \
    {                                                                                             \
        for (size_t width; n; n -= width, bits += step, pixels += 64 / lanes * 64) {              \
            width = least(n, 64);                                                                 \
            uint64_t word = *bits & first_bits(width);                                            \
            for (uint8_t *at = pixels; word; word >>= lanes, at += 64)                            \
                _mm512_mask_storeu_epi##type(at, (__mmask##lanes)word, elements);                 \
        }                                                                                         \
    }
WIDE(16, 32)
WIDE(32, 16)
WIDE(64, 8)

#define WRITE(function, elements)                                                                 \
    for (size_t y = 0; y < lines->lines; y++, pixels += target->stride) {                         \
        fill_bytes(pixels, left, _mm512_setzero_si512());                                         \
        function(lines->words + y * lines->next, lines->step, lines->length, pixels + left,       \
                 elements);                                                                       \
        fill_bytes(pixels + right, end - right, _mm512_setzero_si512());                          \
    }
#define PAINT(function, elements)                                                                 \
    for (size_t y = 0; y < lines->lines; y++, pixels += target->stride)                           \
        function(lines->words + y * lines->next, lines->step, lines->length, pixels + left,       \
                 elements)

FSEG_AVX512 static inline void expand(const bit_lines *lines, uint8_t *pixels,
                                      const fseg_target *target)
{
    uint64_t value = target->value;
    size_t left = lines->left * target->size, right = left + lines->length * target->size;
    size_t end = right + lines->right * target->size;
    __m512i elements8 = _mm512_set1_epi8((char)value);
    __m512i elements16 = _mm512_set1_epi16((short)value);
    __m512i elements32 = _mm512_set1_epi32((int)value);
    __m512i elements64 = _mm512_set1_epi64((long long)value);
    switch (target->size << 1 | (target->paint != 0)) {
    case 2: WRITE(write_u8, elements8); break;
    case 3: PAINT(paint_u8, elements8); break;
    case 4: WRITE(write_16, elements16); break;
    case 5: PAINT(paint_16, elements16); break;
    case 8: WRITE(write_32, elements32); break;
    case 9: PAINT(paint_32, elements32); break;
    case 16: WRITE(write_64, elements64); break;
    default: PAINT(paint_64, elements64); break;
    }
}

FSEG_AVX512 static inline void clear_words(uint64_t *words, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        _mm512_storeu_si512(words + i, _mm512_setzero_si512());
        __asm__ volatile(""); /* a "rep stos" starts late */
    }
}

FSEG_AVX512 static inline void integrate(uint64_t *words, size_t n, uint64_t carry)
{
    /* Within a byte by a product with a triangular matrix; the highest bits are then the sums of
     * the bytes, and these are summed as the 64 bits of one word. */
    const __m512i triangle = _mm512_set1_epi64((long long)UINT64_C(0x0103070f1f3f7fff));
    for (size_t i = 0; i < n; i += 8) {
        __m512i eight = _mm512_loadu_si512(words + i);
        eight = _mm512_gf2p8affine_epi64_epi8(eight, triangle, 0);
        uint64_t sums = prefix_sums(_mm512_movepi8_mask(eight)) ^ carry;
        uint64_t flips = sums << 1 | (carry & 1);
        eight = _mm512_xor_si512(eight, _mm512_movm_epi8(flips));
        _mm512_storeu_si512(words + i, eight);
        carry = 0 - (sums >> 63);
    }
}

#define DENSE 24
#define ASK_EARLY 1 /* blobs 8 % faster; with AVX2 they are slower */

FSEG_AVX512 static inline void marks_to_words(uint8_t *bytes, size_t n, uint64_t *words)
{
    for (size_t i = 0; i < n; i++) {
        words[i] = _mm512_movepi8_mask(_mm512_loadu_si512(bytes + 64 * i));
        _mm512_storeu_si512(bytes + 64 * i, _mm512_setzero_si512());
    }
}

/* Turn eight times eight words; `select` has in byte i the bits of which sum i is made. */
FSEG_AVX512 static inline void turn(__m512i tile[8], uint64_t select)
{
    /* Byte b of word w to byte 7 - w of word b, and to byte w of word b. */
    const __m512i turned = _mm512_set_epi64(
        0x070f171f272f373f, 0x060e161e262e363e, 0x050d151d252d353d, 0x040c141c242c343c,
        0x030b131b232b333b, 0x020a121a222a323a, 0x0109111921293139, 0x0008101820283038);
    const __m512i straight = _mm512_set_epi64(
        0x3f372f271f170f07, 0x3e362e261e160e06, 0x3d352d251d150d05, 0x3c342c241c140c04,
        0x3b332b231b130b03, 0x3a322a221a120a02, 0x3931292119110901, 0x3830282018100800);
    const __m512i bits = _mm512_set1_epi64((long long)select);
    __m512i a[8], b[8];
    for (int i = 0; i < 8; i++)
        a[i] = _mm512_gf2p8affine_epi64_epi8(bits, _mm512_permutexvar_epi8(turned, tile[i]), 0);
    for (int i = 0; i < 8; i += 2) {
        b[i] = _mm512_unpacklo_epi64(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_epi64(a[i], a[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int j = 0; j < 2; j++) {
            a[i + j] = _mm512_shuffle_i64x2(b[i + j], b[i + j + 2], 0x88);
            a[i + j + 2] = _mm512_shuffle_i64x2(b[i + j], b[i + j + 2], 0xdd);
        }
    for (int j = 0; j < 4; j++) {
        b[j] = _mm512_shuffle_i64x2(a[j], a[j + 4], 0x88);
        b[j + 4] = _mm512_shuffle_i64x2(a[j], a[j + 4], 0xdd);
    }
    for (int i = 0; i < 8; i++)
        tile[i] = _mm512_permutexvar_epi8(straight, b[i]);
}

FSEG_AVX512 static inline void turn_lines(const uint64_t *bits, size_t pitch, size_t n,
                                          uint64_t *tile)
{
    const __m512i steps = _mm512_mullo_epi64(_mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0),
                                             _mm512_set1_epi64((long long)pitch));
    __m512i words[8];
    for (size_t i = 0; i < 8; i++) {
        __mmask8 valid = n < 8 * i ? 0 : (__mmask8)first_bits(least(n - 8 * i, 8));
        words[i] = _mm512_mask_i64gather_epi64(_mm512_setzero_si512(), valid, steps,
                                               bits + 8 * i * pitch, 8);
    }
    turn(words, UINT64_C(0x8040201008040201));
    for (int i = 0; i < 8; i++)
        _mm512_storeu_si512(tile + 8 * i, words[i]);
}

FSEG_AVX512 static inline int sum_tile(uint64_t *tile, uint64_t row)
{
    __m512i any = _mm512_setzero_si512(), last = _mm512_set1_epi64((long long)row), words[8];
    for (int i = 0; i < 8; i++) {
        words[i] = _mm512_loadu_si512(tile + 8 * i);
        any = _mm512_or_si512(any, words[i]);
    }
    if (!_mm512_test_epi64_mask(any, any)) {
        for (int i = 0; i < 8; i++)
            _mm512_storeu_si512(tile + 8 * i, last);
        return 0;
    }
    /* The sums of each eight rows, then of the eights. */
    turn(words, UINT64_C(0xff7f3f1f0f070301));
    for (int i = 0; i < 8; i++) {
        words[i] = _mm512_xor_si512(words[i], last);
        last = _mm512_permutexvar_epi64(_mm512_set1_epi64(7), words[i]);
        _mm512_storeu_si512(tile + 8 * i, words[i]);
    }
    return 1;
}

#include "decode_body.h"

const fseg_decode_loops fseg_decode_avx512 = {
    plane_fill,    plane_fill_resized, decode,        decode_across,
    decode_labels, expand_rows,        expand_columns,
};
#else
typedef int fseg_decode_avx512_is_for_x86;
#endif
