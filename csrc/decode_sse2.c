/* Decoding for SSE2. */
#include "decode_common.h"

#if FSEG_X86

#define TARGET FSEG_SSE2

typedef __m128i elements;

FSEG_SSE2 static inline elements repeat_8(uint64_t value)
{
    return _mm_set1_epi8((char)value);
}

FSEG_SSE2 static inline elements repeat_16(uint64_t value)
{
    return _mm_set1_epi16((short)value);
}

FSEG_SSE2 static inline elements repeat_32(uint64_t value)
{
    return _mm_set1_epi32((int)value);
}

FSEG_SSE2 static inline elements repeat_64(uint64_t value)
{
    return _mm_set1_epi64x((long long)value);
}

FSEG_SSE2 static inline void put(uint8_t *pixels, elements all)
{
    _mm_storeu_si128((__m128i *)(void *)pixels, all);
}

FSEG_SSE2 static inline void store(uint8_t *pixels, __m128i mask, elements value)
{
    _mm_storeu_si128((__m128i *)(void *)pixels, _mm_and_si128(mask, value));
}

FSEG_SSE2 static inline void blend(uint8_t *pixels, __m128i mask, elements value)
{
    __m128i before = _mm_loadu_si128((const __m128i *)(const void *)pixels);
    before = _mm_or_si128(_mm_andnot_si128(mask, before), _mm_and_si128(mask, value));
    _mm_storeu_si128((__m128i *)(void *)pixels, before);
}

/* Masks of bytes, 16 of the 64 bits each. */
FSEG_SSE2 static inline void byte_masks(uint64_t word, __m128i masks[4])
{
    const __m128i select = _mm_set1_epi64x((long long)UINT64_C(0x8040201008040201));
    __m128i bytes = _mm_cvtsi64_si128((long long)word);
    bytes = _mm_unpacklo_epi8(bytes, bytes);
    __m128i low = _mm_unpacklo_epi16(bytes, bytes), high = _mm_unpackhi_epi16(bytes, bytes);
    masks[0] = _mm_unpacklo_epi32(low, low);
    masks[1] = _mm_unpackhi_epi32(low, low);
    masks[2] = _mm_unpacklo_epi32(high, high);
    masks[3] = _mm_unpackhi_epi32(high, high);
    for (int i = 0; i < 4; i++)
        masks[i] = _mm_cmpeq_epi8(_mm_and_si128(masks[i], select), select);
}

FSEG_SSE2 static inline __m128i mask_16(uint64_t bits)
{
    const __m128i select = _mm_set_epi16(128, 64, 32, 16, 8, 4, 2, 1);
    return _mm_cmpeq_epi16(_mm_and_si128(_mm_set1_epi16((short)bits), select), select);
}

FSEG_SSE2 static inline __m128i mask_32(uint64_t bits)
{
    const __m128i select = _mm_set_epi32(8, 4, 2, 1);
    return _mm_cmpeq_epi32(_mm_and_si128(_mm_set1_epi32((int)bits), select), select);
}

FSEG_SSE2 static inline __m128i mask_64(uint64_t bits)
{
    const __m128i select = _mm_set_epi32(2, 2, 1, 1);
    return _mm_cmpeq_epi32(_mm_and_si128(_mm_set1_epi32((int)bits), select), select);
}

FSEG_SSE2 static inline void write_8(uint64_t word, uint8_t *pixels, elements value)
{
    __m128i masks[4];
    byte_masks(word, masks);
    for (int i = 0; i < 4; i++)
        store(pixels + 16 * i, masks[i], value);
}

FSEG_SSE2 static inline void paint_8(uint64_t word, uint8_t *pixels, elements value)
{
    __m128i masks[4];
    if (!word)
        return;
    byte_masks(word, masks);
    for (int i = 0; i < 4; i++)
        blend(pixels + 16 * i, masks[i], value);
}

#define WIDE(width)                                                                                \
    FSEG_SSE2 static inline void write_##width(uint64_t word, uint8_t *pixels, elements value)     \
    {                                                                                              \
        for (int i = 0; i < width / 2; i++, word >>= 128 / width, pixels += 16)                    \
            store(pixels, mask_##width(word), value);                                              \
    }                                                                                              \
    FSEG_SSE2 static inline void paint_##width(uint64_t word, uint8_t *pixels, elements value)     \
    {                                                                                              \
        for (; word; word >>= 128 / width, pixels += 16)                                           \
            blend(pixels, mask_##width(word), value);                                              \
    }
WIDE(16)
WIDE(32)
WIDE(64)

#include "decode_lines.h"

FSEG_SSE2 static inline void clear_words(uint64_t *words, size_t n)
{
    for (size_t i = 0; i < n; i += 2) {
        _mm_storeu_si128((__m128i *)(void *)(words + i), _mm_setzero_si128());
        __asm__ volatile(""); /* a "rep stos" starts late */
    }
}

FSEG_SSE2 static inline void integrate(uint64_t *words, size_t n, uint64_t carry)
{
    for (size_t i = 0; i < n; i += 2) {
        __m128i two = _mm_loadu_si128((const __m128i *)(const void *)(words + i));
        two = _mm_xor_si128(two, _mm_slli_epi64(two, 1));
        two = _mm_xor_si128(two, _mm_slli_epi64(two, 2));
        two = _mm_xor_si128(two, _mm_slli_epi64(two, 4));
        two = _mm_xor_si128(two, _mm_slli_epi64(two, 8));
        two = _mm_xor_si128(two, _mm_slli_epi64(two, 16));
        two = _mm_xor_si128(two, _mm_slli_epi64(two, 32));
        unsigned sums = (unsigned)_mm_movemask_pd(_mm_castsi128_pd(two));
        uint64_t second = carry ^ (0 - (uint64_t)(sums & 1));
        two = _mm_xor_si128(two, _mm_set_epi64x((long long)second, (long long)carry));
        _mm_storeu_si128((__m128i *)(void *)(words + i), two);
        carry = second ^ (0 - (uint64_t)(sums >> 1));
    }
}

#define DENSE 16
#define ASK_EARLY 0

FSEG_SSE2 static inline void marks_to_words(uint8_t *bytes, size_t n, uint64_t *words)
{
    for (size_t i = 0; i < n; i++, bytes += 64) {
        uint64_t word = 0;
        for (int j = 0; j < 4; j++) {
            __m128i *marks = (__m128i *)(void *)(bytes + 16 * j);
            word |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_loadu_si128(marks)) << 16 * j;
            _mm_storeu_si128(marks, _mm_setzero_si128());
        }
        words[i] = word;
    }
}

/* Bytes 2 k and 2 k + 1 of eight words to the halves of planes[k]. */
FSEG_SSE2 static inline void split_bytes(const uint64_t *bits, size_t pitch, __m128i planes[4])
{
    __m128i a[8], b[4];
    for (int i = 0; i < 8; i++)
        a[i] = _mm_cvtsi64_si128((long long)bits[(size_t)i * pitch]);
    for (int i = 0; i < 4; i++)
        a[i] = _mm_unpacklo_epi8(a[2 * i], a[2 * i + 1]);
    for (int i = 0; i < 2; i++) {
        b[i] = _mm_unpacklo_epi16(a[2 * i], a[2 * i + 1]);
        b[i + 2] = _mm_unpackhi_epi16(a[2 * i], a[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        planes[2 * i] = _mm_unpacklo_epi32(b[2 * i], b[2 * i + 1]);
        planes[2 * i + 1] = _mm_unpackhi_epi32(b[2 * i], b[2 * i + 1]);
    }
}

/* Transpose 64 words bits[i * pitch]: the highest bits of 16 bytes are a quarter of a row. */
FSEG_SSE2 static inline void turn(const uint64_t *bits, size_t pitch, uint64_t *rows)
{
    __m128i planes[8][4];
    for (size_t i = 0; i < 8; i++)
        split_bytes(bits + 8 * i * pitch, pitch, planes[i]);
    for (int byte = 0; byte < 8; byte++) {
        __m128i quarters[4];
        for (int i = 0; i < 4; i++) {
            __m128i low = planes[2 * i][byte / 2], high = planes[2 * i + 1][byte / 2];
            quarters[i] = byte % 2 ? _mm_unpackhi_epi64(low, high) : _mm_unpacklo_epi64(low, high);
        }
        for (int bit = 7; bit >= 0; bit--) {
            uint64_t row = 0;
            for (int i = 0; i < 4; i++) {
                row |= (uint64_t)(unsigned)_mm_movemask_epi8(quarters[i]) << 16 * i;
                quarters[i] = _mm_add_epi8(quarters[i], quarters[i]);
            }
            rows[8 * byte + bit] = row;
        }
    }
}

FSEG_SSE2 static inline void turn_lines(const uint64_t *bits, size_t pitch, size_t n,
                                        uint64_t *tile)
{
    if (n == 64) {
        turn(bits, pitch, tile);
        return;
    }
    uint64_t words[64] = {0};
    for (size_t i = 0; i < n; i++)
        words[i] = bits[i * pitch];
    turn(words, 1, tile);
}

FSEG_SSE2 static inline int sum_tile(uint64_t *tile, uint64_t row)
{
    uint64_t any = 0;
    for (size_t i = 0; i < 64; i++)
        any |= tile[i];
    if (!any) {
        for (size_t i = 0; i < 64; i++)
            tile[i] = row;
        return 0;
    }
    turn(tile, 1, tile);
    for (size_t i = 0; i < 64; i++)
        tile[i] = row ^= tile[i];
    return 1;
}

#include "decode_body.h"

const fseg_decode_loops fseg_decode_sse2 = {
    plane_fill,    plane_fill_resized, decode,        decode_across,
    decode_labels, expand_rows,        expand_columns,
};
#else
typedef int fseg_decode_sse2_is_for_x86;
#endif
