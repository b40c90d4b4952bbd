/* Decoding for AVX2. */
#include "decode_common.h"

#if FSEG_X86

#define TARGET FSEG_AVX2

typedef __m256i elements;

FSEG_AVX2 static inline elements repeat_8(uint64_t value)
{
    return _mm256_set1_epi8((char)value);
}

FSEG_AVX2 static inline elements repeat_16(uint64_t value)
{
    return _mm256_set1_epi16((short)value);
}

FSEG_AVX2 static inline elements repeat_32(uint64_t value)
{
    return _mm256_set1_epi32((int)value);
}

FSEG_AVX2 static inline elements repeat_64(uint64_t value)
{
    return _mm256_set1_epi64x((long long)value);
}

FSEG_AVX2 static inline void put(uint8_t *pixels, elements all)
{
    _mm256_storeu_si256((__m256i *)(void *)pixels, all);
}

FSEG_AVX2 static inline void store(uint8_t *pixels, __m256i mask, elements value)
{
    _mm256_storeu_si256((__m256i *)(void *)pixels, _mm256_and_si256(mask, value));
}

FSEG_AVX2 static inline void blend(uint8_t *pixels, __m256i mask, elements value)
{
    __m256i before = _mm256_loadu_si256((const __m256i *)(const void *)pixels);
    _mm256_storeu_si256((__m256i *)(void *)pixels, _mm256_blendv_epi8(before, value, mask));
}

FSEG_AVX2 static inline __m256i mask_8(uint64_t bits)
{
    const __m256i spread = _mm256_set_epi64x(0x0303030303030303, 0x0202020202020202,
                                             0x0101010101010101, 0);
    const __m256i select = _mm256_set1_epi64x((long long)UINT64_C(0x8040201008040201));
    __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits), spread);
    return _mm256_cmpeq_epi8(_mm256_and_si256(bytes, select), select);
}

FSEG_AVX2 static inline __m256i mask_16(uint64_t bits)
{
    const __m256i select = _mm256_set_epi16((short)0x8000, 0x4000, 0x2000, 0x1000, 0x800, 0x400,
                                            0x200, 0x100, 128, 64, 32, 16, 8, 4, 2, 1);
    return _mm256_cmpeq_epi16(_mm256_and_si256(_mm256_set1_epi16((short)bits), select), select);
}

FSEG_AVX2 static inline __m256i mask_32(uint64_t bits)
{
    const __m256i select = _mm256_set_epi32(128, 64, 32, 16, 8, 4, 2, 1);
    return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)bits), select), select);
}

FSEG_AVX2 static inline __m256i mask_64(uint64_t bits)
{
    const __m256i select = _mm256_set_epi64x(8, 4, 2, 1);
    return _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_set1_epi64x((long long)bits), select),
                              select);
}

#define WIDTH(width)                                                                               \
    FSEG_AVX2 static inline void write_##width(uint64_t word, uint8_t *pixels, elements value)     \
    {                                                                                              \
        for (int i = 0; i < 64; i += 256 / width, pixels += 32)                                    \
            store(pixels, mask_##width(word >> i), value);                                         \
    }                                                                                              \
    FSEG_AVX2 static inline void paint_##width(uint64_t word, uint8_t *pixels, elements value)     \
    {                                                                                              \
        for (; word; word >>= 256 / width, pixels += 32)                                           \
            blend(pixels, mask_##width(word), value);                                              \
    }
WIDTH(8)
WIDTH(16)
WIDTH(32)
WIDTH(64)

#include "decode_lines.h"

FSEG_AVX2 static inline void clear_words(uint64_t *words, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        _mm256_storeu_si256((__m256i *)(void *)(words + i), _mm256_setzero_si256());
        __asm__ volatile(""); /* a "rep stos" starts late */
    }
}

FSEG_AVX2 static inline void integrate(uint64_t *words, size_t n, uint64_t carry)
{
    const __m256i select = _mm256_set_epi64x(8, 4, 2, 1);
    for (size_t i = 0; i < n; i += 4) {
        __m256i four = _mm256_loadu_si256((const __m256i *)(const void *)(words + i));
        four = _mm256_xor_si256(four, _mm256_slli_epi64(four, 1));
        four = _mm256_xor_si256(four, _mm256_slli_epi64(four, 2));
        four = _mm256_xor_si256(four, _mm256_slli_epi64(four, 4));
        four = _mm256_xor_si256(four, _mm256_slli_epi64(four, 8));
        four = _mm256_xor_si256(four, _mm256_slli_epi64(four, 16));
        four = _mm256_xor_si256(four, _mm256_slli_epi64(four, 32));
        /* Bit w of the flips: the sum of the words before word w; bit 4, that of all. */
        uint64_t sums = (uint64_t)(unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(four));
        uint64_t flips = (sums << 1 ^ sums << 2 ^ sums << 3 ^ sums << 4) ^ carry;
        __m256i mask = _mm256_and_si256(_mm256_set1_epi64x((long long)flips), select);
        four = _mm256_xor_si256(four, _mm256_cmpeq_epi64(mask, select));
        _mm256_storeu_si256((__m256i *)(void *)(words + i), four);
        carry = 0 - (flips >> 4 & 1);
    }
}

#define DENSE 20
#define ASK_EARLY 0

FSEG_AVX2 static inline void marks_to_words(uint8_t *bytes, size_t n, uint64_t *words)
{
    for (size_t i = 0; i < n; i++, bytes += 64) {
        __m256i *marks = (__m256i *)(void *)bytes;
        uint64_t low = (uint32_t)_mm256_movemask_epi8(_mm256_loadu_si256(marks));
        uint64_t high = (uint32_t)_mm256_movemask_epi8(_mm256_loadu_si256(marks + 1));
        words[i] = high << 32 | low;
        _mm256_storeu_si256(marks, _mm256_setzero_si256());
        _mm256_storeu_si256(marks + 1, _mm256_setzero_si256());
    }
}

/* Bytes 2 k and 2 k + 1 of eight words, and of eight that are 32 further, to the halves of the
 * halves of planes[k]. */
FSEG_AVX2 static inline void split_bytes(const uint64_t *bits, size_t pitch, __m256i planes[4])
{
    __m256i a[8], b[4];
    for (size_t i = 0; i < 8; i++) {
        __m128i low = _mm_cvtsi64_si128((long long)bits[i * pitch]);
        __m128i high = _mm_cvtsi64_si128((long long)bits[(i + 32) * pitch]);
        a[i] = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
    }
    for (int i = 0; i < 4; i++)
        a[i] = _mm256_unpacklo_epi8(a[2 * i], a[2 * i + 1]);
    for (int i = 0; i < 2; i++) {
        b[i] = _mm256_unpacklo_epi16(a[2 * i], a[2 * i + 1]);
        b[i + 2] = _mm256_unpackhi_epi16(a[2 * i], a[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        planes[2 * i] = _mm256_unpacklo_epi32(b[2 * i], b[2 * i + 1]);
        planes[2 * i + 1] = _mm256_unpackhi_epi32(b[2 * i], b[2 * i + 1]);
    }
}

/* Transpose 64 words bits[i * pitch]. */
FSEG_AVX2 static inline void turn(const uint64_t *bits, size_t pitch, uint64_t *rows)
{
    __m256i planes[4][4];
    for (size_t i = 0; i < 4; i++)
        split_bytes(bits + 8 * i * pitch, pitch, planes[i]);
    for (int byte = 0; byte < 8; byte++) {
        __m256i halves[2];
        for (int i = 0; i < 2; i++) {
            __m256i low = planes[2 * i][byte / 2], high = planes[2 * i + 1][byte / 2];
            halves[i] = byte % 2 ? _mm256_unpackhi_epi64(low, high)
                                 : _mm256_unpacklo_epi64(low, high);
        }
        __m256i first = _mm256_permute2x128_si256(halves[0], halves[1], 0x20);
        __m256i second = _mm256_permute2x128_si256(halves[0], halves[1], 0x31);
        for (int bit = 7; bit >= 0; bit--) {
            uint64_t low = (uint32_t)_mm256_movemask_epi8(first);
            uint64_t high = (uint32_t)_mm256_movemask_epi8(second);
            rows[8 * byte + bit] = high << 32 | low;
            first = _mm256_add_epi8(first, first);
            second = _mm256_add_epi8(second, second);
        }
    }
}

FSEG_AVX2 static inline void turn_lines(const uint64_t *bits, size_t pitch, size_t n,
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

FSEG_AVX2 static inline int sum_tile(uint64_t *tile, uint64_t row)
{
    __m256i any = _mm256_setzero_si256(), rows = _mm256_set1_epi64x((long long)row);
    for (int i = 0; i < 64; i += 4)
        any = _mm256_or_si256(any, _mm256_loadu_si256((const __m256i *)(const void *)(tile + i)));
    if (_mm256_testz_si256(any, any)) {
        for (int i = 0; i < 64; i += 4)
            _mm256_storeu_si256((__m256i *)(void *)(tile + i), rows);
        return 0;
    }
    turn(tile, 1, tile);
    for (size_t i = 0; i < 64; i++)
        tile[i] = row ^= tile[i];
    return 1;
}

#include "decode_body.h"

const fseg_decode_loops fseg_decode_avx2 = {
    plane_fill,    plane_fill_resized, decode,        decode_across,
    decode_labels, expand_rows,        expand_columns,
};
#else
typedef int fseg_decode_avx2_is_for_x86;
#endif
