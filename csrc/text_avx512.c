/* Loops of the texts with AVX-512 (VBMI, VBMI2). */
#include "text_loops.h"
#include "text_numbers.h"

#if FSEG_X86

enum {
    COCO_BLOCK = 48, /* characters of one step, and so three vectors of numbers at most */
    WIDE_AGAIN = 8   /* steps before short numbers are hoped for again */
};

/* --- counting --------------------------------------------------------------------------------- */

FSEG_AVX512 static inline uint64_t low_bits(size_t n)
{
    return _bzhi_u64(~UINT64_C(0), n < 64 ? (unsigned)n : 64);
}

FSEG_AVX512 static inline __m512i load_some(const char *text, size_t n)
{
    return _mm512_maskz_loadu_epi8(low_bits(n), text);
}

/* Bytes from `first` on, ascending. */
FSEG_AVX512 static inline __m512i counting(int first)
{
    const __m512i places = _mm512_setr_epi64(
        INT64_C(0x0706050403020100), INT64_C(0x0f0e0d0c0b0a0908), INT64_C(0x1716151413121110),
        INT64_C(0x1f1e1d1c1b1a1918), INT64_C(0x2726252423222120), INT64_C(0x2f2e2d2c2b2a2928),
        INT64_C(0x3736353433323130), INT64_C(0x3f3e3d3c3b3a3938));
    return _mm512_add_epi8(places, _mm512_set1_epi8((char)first));
}

FSEG_AVX512 static inline uint64_t spaces(__m512i text)
{
    const __m512i same = _mm512_broadcast_i32x4(
        _mm_setr_epi8(' ', 0, 0, 0, 0, 0, 0, 0, 0, '\t', '\n', '\v', '\f', '\r', 0, 0));
    return _mm512_cmpeq_epi8_mask(_mm512_shuffle_epi8(same, text), text);
}

FSEG_AVX512 static size_t kaggle_tokens(const char *text, size_t length)
{
    size_t tokens = 0, i = 0;
    uint64_t before = 1;
    for (; i + 64 <= length; i += 64) {
        uint64_t space = spaces(_mm512_loadu_si512(text + i));
        tokens += (size_t)_mm_popcnt_u64(~space & (space << 1 | before));
        before = space >> 63;
    }
    uint64_t space = spaces(load_some(text + i, length - i));
    return tokens
           + (size_t)_mm_popcnt_u64(~space & (space << 1 | before) & low_bits(length - i));
}

/* Bits of the characters that end a number. */
FSEG_AVX512 static inline uint64_t last_groups(__m512i text)
{
    return _mm512_testn_epi8_mask(_mm512_sub_epi8(text, _mm512_set1_epi8('0')),
                                  _mm512_set1_epi8(0x20));
}

FSEG_AVX512 static size_t coco_numbers(const char *text, size_t length)
{
    size_t numbers = 0, i = 0;
    for (; i + 64 <= length; i += 64)
        numbers += (size_t)_mm_popcnt_u64(last_groups(_mm512_loadu_si512(text + i)));
    uint64_t last = last_groups(load_some(text + i, length - i));
    return numbers + (size_t)_mm_popcnt_u64(last & low_bits(length - i));
}

/* --- COCO, writing ---------------------------------------------------------------------------- */

/* Groups, in the low five bits of each byte, as characters. */
FSEG_AVX512 static inline __m512i characters(__m512i groups)
{
    return _mm512_add_epi8(_mm512_and_si512(groups, _mm512_set1_epi8(0x1f)),
                           _mm512_set1_epi8('0'));
}

/* Write up to 16 differences of up to 4 groups each. */
FSEG_AVX512 static inline char *write_fours(__m512i number, size_t n, char *text)
{
    const __m512i each = _mm512_set4_epi32(0x0f0f0f0f, 0x0b0b0b0b, 0x07070707, 0x03030303);
    const __m512i shifts = _mm512_set1_epi64(INT64_C(0x2f2a25200f0a0500));
    __m512i size = _mm512_xor_si512(number, _mm512_srai_epi32(number, 31));
    /* 126 + bits, in each byte: the exponent of a float. */
    size = _mm512_castps_si512(_mm512_cvtepi32_ps(size));
    size = _mm512_shuffle_epi8(_mm512_slli_epi32(size, 1), each);
    /* Character j is one if the number has 5j bits or more, and not the last if it has 5j + 5. */
    __mmask64 keep = _mm512_cmpge_epu8_mask(size, _mm512_set1_epi32((int)0x8d888300));
    __mmask64 more = _mm512_cmpge_epu8_mask(size, _mm512_set1_epi32((int)0xff8d8883));
    __m512i groups = characters(_mm512_multishift_epi64_epi8(shifts, number));
    groups = _mm512_mask_add_epi8(groups, more, groups, _mm512_set1_epi8(0x20));
    if (n < 16)
        keep &= low_bits(4 * n);
    _mm512_storeu_si512(text, _mm512_maskz_compress_epi8(keep, groups));
    return text + _mm_popcnt_u64(keep);
}

/* Write up to 16 differences; `before` are the runs to subtract. */
FSEG_AVX512 static inline char *write_sixteen(__m512i now, __m512i before, size_t n, char *text)
{
    __m512i either = _mm512_or_si512(now, before);
    if (FSEG_LIKELY(!_mm512_test_epi32_mask(either, _mm512_set1_epi32(-0x80000))))
        return write_fours(_mm512_sub_epi32(now, before), n, text);
    uint32_t from[16], minus[16];
    _mm512_storeu_si512(from, now);
    _mm512_storeu_si512(minus, before);
    for (size_t i = 0; i < n; i++)
        text = fseg_write_groups((uint64_t)from[i] - minus[i], text);
    return text;
}

/* Write 32 differences of up to 2 groups each; NULL if there are others. */
FSEG_AVX512 static inline char *write_twos(const uint32_t *counts, char *text)
{
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    __m512i a = _mm512_loadu_si512(counts), b = _mm512_loadu_si512(counts + 16);
    __m512i before = _mm512_loadu_si512(counts - 2);
    __mmask16 huge = _mm512_movepi32_mask(_mm512_or_si512(_mm512_or_si512(a, b), before));
    a = _mm512_sub_epi32(a, before);
    b = _mm512_sub_epi32(b, _mm512_loadu_si512(counts + 14));
    __m512i number = _mm512_permutexvar_epi64(order, _mm512_packs_epi32(a, b));
    __m512i size = _mm512_xor_si512(number, _mm512_srai_epi16(number, 15));
    if (FSEG_UNLIKELY(_mm512_test_epi16_mask(size, _mm512_set1_epi16(-0x200)) | huge))
        return NULL;
    __mmask32 more = _mm512_test_epi16_mask(size, _mm512_set1_epi16(0x1f0));
    __m512i groups = characters(_mm512_ternarylogic_epi32(
        number, _mm512_slli_epi16(number, 3), _mm512_set1_epi16(0xff), 0xe4));
    groups = _mm512_mask_add_epi16(groups, more, groups, _mm512_set1_epi16(0x20));
    uint64_t keep = _pdep_u64(more, FSEG_BYTES(0xaa)) | FSEG_BYTES(0x55);
    _mm512_storeu_si512(text, _mm512_maskz_compress_epi8(keep, groups));
    return text + 32 + _mm_popcnt_u32(more);
}

FSEG_AVX512 static size_t write_coco(const uint32_t *counts, size_t runs, char *text)
{
    char *to = text;
    __m512i now = _mm512_maskz_loadu_epi32((__mmask16)low_bits(runs), counts);
    to = write_sixteen(now, _mm512_maskz_alignr_epi32(0xfff8, now, now, 14),
                       runs < 16 ? runs : 16, to);
    size_t i = 16, wide = 0;
    while (i + 32 <= runs) {
        if (!wide) {
            char *next = write_twos(counts + i, to);
            if (next) {
                to = next;
                i += 32;
                continue;
            }
            wide = WIDE_AGAIN;
        }
        wide--;
        to = write_sixteen(_mm512_loadu_si512(counts + i), _mm512_loadu_si512(counts + i - 2), 16,
                           to);
        i += 16;
    }
    for (; i < runs; i += 16) {
        size_t n = runs - i < 16 ? runs - i : 16;
        __mmask16 valid = (__mmask16)low_bits(n);
        to = write_sixteen(_mm512_maskz_loadu_epi32(valid, counts + i),
                           _mm512_maskz_loadu_epi32(valid, counts + i - 2), n, to);
    }
    return (size_t)(to - text);
}

/* --- COCO, reading ---------------------------------------------------------------------------- */

/* Characters in `window`, or pairs of one there and the one after it, that are in no valid text. */
FSEG_AVX512 static inline uint64_t strange(__m512i window, __m512i after)
{
    /* By the low six bits of a character: a last group after it of only the sign that it shows. */
    const __m512i idle = _mm512_setr_epi64(
        0, 0, INT64_C(0x3030303030303030), INT64_C(0x3030303030303030),
        INT64_C(0x4f4f4f4f4f4f4f4f), INT64_C(0x4f4f4f4f4f4f4f4f), 0, 0);
    __m512i groups = _mm512_sub_epi8(window, _mm512_set1_epi8('0'));
    return _mm512_cmpgt_epu8_mask(groups, _mm512_set1_epi8(0x3f))
           | _mm512_cmpeq_epi8_mask(after, _mm512_permutexvar_epi8(window, idle));
}

/* Numbers i to i + 15 of a window, of which `bounds` has the places before and after each. */
FSEG_AVX512 static inline __m512i join(__m512i window, __m512i bounds, int i)
{
    /* By the low six bits of a character: what it adds. */
    const __m512i value = _mm512_setr_epi64(
        INT64_C(0xf7f6f5f4f3f2f1f0), INT64_C(0xfffefdfcfbfaf9f8), INT64_C(0x0706050403020100),
        INT64_C(0x0f0e0d0c0b0a0908), INT64_C(0x1716151413121110), INT64_C(0x1f1e1d1c1b1a1918),
        INT64_C(0x0706050403020100), INT64_C(0x0f0e0d0c0b0a0908));
    const __m512i each = _mm512_setr_epi32(
        0x00000000, 0x01010101, 0x02020202, 0x03030303, 0x04040404, 0x05050505, 0x06060606,
        0x07070707, 0x08080808, 0x09090909, 0x0a0a0a0a, 0x0b0b0b0b, 0x0c0c0c0c, 0x0d0d0d0d,
        0x0e0e0e0e, 0x0f0f0f0f);
    __m512i lane = _mm512_add_epi8(each, _mm512_set1_epi8((char)i));
    __m512i next = _mm512_add_epi8(each, _mm512_set1_epi8((char)(i + 1)));
    __m512i place = _mm512_permutexvar_epi8(lane, bounds);
    place = _mm512_add_epi8(place, _mm512_set1_epi32(0x03020100));
    __mmask64 inside = _mm512_cmplt_epu8_mask(place, _mm512_permutexvar_epi8(next, bounds));
    __m512i groups = _mm512_permutexvar_epi8(window, value);
    groups = _mm512_maskz_permutexvar_epi8(inside, place, groups);
    groups = _mm512_maddubs_epi16(_mm512_set1_epi16(0x2001), groups);
    return _mm512_madd_epi16(groups, _mm512_set1_epi32(0x04000001));
}

FSEG_AVX512 static size_t read_groups(const char *text, size_t length, uint32_t *numbers,
                                      size_t *used)
{
    size_t n = 0, i = 0;
    for (; i < length; i += COCO_BLOCK) {
        /* Four characters before the block, since numbers that end in it may begin there. */
        __m512i window = _mm512_loadu_si512(text + i - 4);
        uint64_t last = last_groups(window), more = ~last;
        if (FSEG_UNLIKELY(strange(window, _mm512_loadu_si512(text + i - 3))
                          | (more & more >> 1 & more >> 2 & more >> 3)))
            break;
        /* Of the numbers that end before the block, only the last matters. */
        last &= ~UINT64_C(0) << (31 - _lzcnt_u32((unsigned)last & 15));
        last &= low_bits(length - i < COCO_BLOCK ? 4 + length - i : 4 + COCO_BLOCK);
        __m512i bounds = _mm512_maskz_compress_epi8(last, counting(1));
        for (int j = 0; j < COCO_BLOCK; j += 16)
            _mm512_storeu_si512(numbers + n + j, join(window, bounds, j));
        n += (size_t)_mm_popcnt_u64(last) - 1;
    }
    *used = fseg_whole_numbers(text, i < length ? i : length);
    return n;
}

/* Signed addition, as _mm512_reduce_add_epi64 does it, may overflow. */
FSEG_AVX512 static inline uint64_t total(__m512i numbers)
{
    uint64_t each[8], sum = 0;
    _mm512_storeu_si512(each, numbers);
    for (int i = 0; i < 8; i++)
        sum += each[i];
    return sum;
}

/* What is carried from one step to the next. */
typedef struct {
    __m512i pair;  /* the last two runs, eight times */
    __m512i least; /* of each lane */
    __m512i both;  /* sums, modulo 2^64, of pairs of lanes */
    __m512i odd;   /* of the upper lanes of these pairs */
} running;

FSEG_AVX512 static inline void add_sixteen(uint32_t *counts, __mmask16 valid, running *sums)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i run = _mm512_maskz_loadu_epi32(valid, counts);
    run = _mm512_add_epi32(run, _mm512_alignr_epi64(run, zero, 7));
    run = _mm512_add_epi32(run, _mm512_alignr_epi64(run, zero, 6));
    run = _mm512_add_epi32(run, _mm512_alignr_epi64(run, zero, 4));
    __m512i last = _mm512_permutexvar_epi64(_mm512_set1_epi64(7), run);
    run = _mm512_maskz_add_epi32(valid, run, sums->pair);
    sums->pair = _mm512_add_epi32(sums->pair, last);
    _mm512_storeu_si512(counts, run);
    sums->least = _mm512_mask_min_epi32(sums->least, valid, sums->least, run);
    sums->both = _mm512_add_epi64(sums->both, run);
    sums->odd = _mm512_add_epi64(sums->odd, _mm512_srli_epi64(run, 32));
}

FSEG_AVX512 static int add_up(uint32_t *counts, size_t n, const uint32_t before[2], uint64_t *sum)
{
    const __m512i one = _mm512_set1_epi32(1);
    running sums = {.pair = _mm512_set1_epi64((int64_t)(before[0] | (uint64_t)before[1] << 32)),
                 .least = one};
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        add_sixteen(counts + i, 0xffff, &sums);
    add_sixteen(counts + i, (__mmask16)low_bits(n - i), &sums);
    uint64_t high = total(sums.odd);
    *sum = total(sums.both) - (high << 32) + high;
    return !_mm512_cmplt_epi32_mask(sums.least, one);
}

/* --- Kaggle, writing -------------------------------------------------------------------------- */

/* A constant as a variable: else gcc 12 multiplies by it with six shifts and additions. */
FSEG_AVX512 static inline __m512i variable(__m512i constant)
{
    __asm__("" : "+v"(constant));
    return constant;
}

/* Numbers under 10^8 as two numbers under 10^4, the first in the low half. */
FSEG_AVX512 static inline __m512i halves(__m512i number)
{
    __m512i high = _mm512_mul_epu32(number, _mm512_set1_epi64(3518437209));
    high = _mm512_srli_epi64(high, 45);
    __m512i rest = _mm512_sub_epi64(number, _mm512_mul_epu32(high, _mm512_set1_epi64(10000)));
    return _mm512_or_si512(high, _mm512_slli_epi64(rest, 32));
}

/* Numbers under 10^4 as four digits, the first in the lowest byte. */
FSEG_AVX512 static inline __m512i digits(__m512i number)
{
    __m512i high = _mm512_srli_epi16(_mm512_mulhi_epu16(number, _mm512_set1_epi16(5243)), 3);
    __m512i rest = _mm512_sub_epi16(
        number, _mm512_mullo_epi16(high, variable(_mm512_set1_epi16(100))));
    number = _mm512_or_si512(high, _mm512_slli_epi32(rest, 16));
    high = _mm512_mulhi_epu16(number, _mm512_set1_epi16(6554));
    return _mm512_add_epi16(_mm512_slli_epi16(number, 8),
                            _mm512_mullo_epi16(high, variable(_mm512_set1_epi16(1 - 2560))));
}

/* Write up to four pairs: a start under 10^8 and a length under 10^6, each as two halves. */
FSEG_AVX512 static inline char *write_pairs(__m512i number, size_t pairs, char *text)
{
    /* Eight digits, space, six digits, space. */
    const __m512i shift = _mm512_set4_epi32(0, 8, 0, 0);
    const __m512i zeros = _mm512_set4_epi32(0x20303030, 0x30303020, 0x30303030, 0x30303030);
    const __m512i last = _mm512_set4_epi32(0x20300000, 0, 0x30000000, 0);
    const __m512i space = _mm512_set4_epi32(0, 0x20, 0, 0);
    number = _mm512_srlv_epi64(digits(number), shift);
    /* All bits from the first digit on that is not 0. */
    __m512i from = _mm512_or_si512(number, last);
    from = _mm512_or_si512(from, _mm512_sub_epi64(_mm512_setzero_si512(), from));
    from = _mm512_or_si512(from, space);
    __mmask64 keep = _mm512_test_epi8_mask(from, from);
    if (pairs < 4)
        keep &= low_bits(16 * pairs);
    number = _mm512_or_si512(number, zeros);
    _mm512_storeu_si512(text, _mm512_maskz_compress_epi8(keep, number));
    return text + _mm_popcnt_u64(keep);
}

/* Write up to eight pairs; `*end` is where the run before ended, eight times. */
FSEG_AVX512 static inline char *write_eight(__m512i both, size_t n, __m512i *end, char *text)
{
    const __m512i low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
    const __m512i high = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
    const __m512i zero = _mm512_setzero_si512();
    __m512i run = _mm512_srli_epi64(both, 32);
    __m512i sum = _mm512_and_si512(both, _mm512_set1_epi64(UINT32_MAX));
    sum = _mm512_add_epi64(sum, run);
    sum = _mm512_add_epi64(sum, _mm512_alignr_epi64(sum, zero, 7));
    sum = _mm512_add_epi64(sum, _mm512_alignr_epi64(sum, zero, 6));
    sum = _mm512_add_epi64(sum, _mm512_alignr_epi64(sum, zero, 4));
    __m512i start = _mm512_sub_epi64(_mm512_add_epi64(sum, *end), run);
    *end = _mm512_add_epi64(*end, _mm512_permutexvar_epi64(_mm512_set1_epi64(7), sum));
    if (FSEG_LIKELY(!(_mm512_cmpge_epu64_mask(start, _mm512_set1_epi64(100000000))
                      | _mm512_cmpge_epu64_mask(run, _mm512_set1_epi64(1000000))))) {
        start = halves(start);
        run = halves(run);
        text = write_pairs(_mm512_permutex2var_epi64(start, low, run), n < 4 ? n : 4, text);
        return write_pairs(_mm512_permutex2var_epi64(start, high, run), n < 4 ? 0 : n - 4, text);
    }
    uint64_t numbers[16];
    _mm512_storeu_si512(numbers, _mm512_permutex2var_epi64(start, low, run));
    _mm512_storeu_si512(numbers + 8, _mm512_permutex2var_epi64(start, high, run));
    for (size_t i = 0; i < 2 * n; i++)
        text = fseg_write_number(numbers[i], text);
    return text;
}

FSEG_AVX512 static size_t write_kaggle(const uint32_t *counts, size_t runs, uint32_t base,
                                       char *text)
{
    char *to = text;
    size_t pairs = runs / 2, i = 0;
    __m512i end = _mm512_set1_epi64(base);
    for (; i + 8 <= pairs; i += 8)
        to = write_eight(_mm512_loadu_si512(counts + 2 * i), 8, &end, to);
    if (i < pairs) {
        __m512i both = _mm512_maskz_loadu_epi64((__mmask8)low_bits(pairs - i), counts + 2 * i);
        to = write_eight(both, pairs - i, &end, to);
    }
    return to == text ? 0 : (size_t)(to - text) - 1;
}

/* --- Kaggle, reading -------------------------------------------------------------------------- */

FSEG_AVX512 static size_t find_numbers(const char *text, size_t length, uint16_t *firsts,
                                       size_t *seen)
{
    size_t n = 0, i = 0;
    uint64_t before = 0;
    for (; i < length; i += 64) {
        __m512i characters = _mm512_loadu_si512(text + i);
        uint64_t digit = _mm512_cmple_epu8_mask(
            _mm512_sub_epi8(characters, _mm512_set1_epi8('0')), _mm512_set1_epi8(9));
        uint64_t space = _mm512_cmpeq_epi8_mask(characters, _mm512_set1_epi8(' '));
        uint64_t first;
        if (FSEG_UNLIKELY(!fseg_firsts(digit, space, length - i, &before, &first)))
            break;
        __m512i place = _mm512_cvtepu8_epi16(
            _mm512_castsi512_si256(_mm512_maskz_compress_epi8(first, counting(0))));
        _mm512_storeu_si512(firsts + n, _mm512_add_epi16(place, _mm512_set1_epi16((short)i)));
        n += (size_t)_mm_popcnt_u64(first);
    }
    *seen = i < length ? i : length;
    return n;
}

/* Eight numbers, whose first characters and that of the next are `firsts`. `*unusual` is set if one
 * is longer than eight digits or they do not fit into 64 characters. */
FSEG_AVX512 static inline __m512i read_eight(const char *text, const uint16_t *firsts,
                                             int *unusual)
{
    const __m512i each = _mm512_setr_epi64(
        0, INT64_C(0x0202020202020202), INT64_C(0x0404040404040404), INT64_C(0x0606060606060606),
        INT64_C(0x0808080808080808), INT64_C(0x0a0a0a0a0a0a0a0a), INT64_C(0x0c0c0c0c0c0c0c0c),
        INT64_C(0x0e0e0e0e0e0e0e0e));
    const __m512i following = _mm512_set1_epi64(INT64_C(0x0706050403020100));
    __m128i first = _mm_loadu_si128((const __m128i *)firsts);
    __m128i next = _mm_loadu_si128((const __m128i *)(firsts + 1));
    /* 64 - 8 * digits */
    __m128i empty = _mm_sub_epi16(_mm_set1_epi16(72),
                                  _mm_slli_epi16(_mm_sub_epi16(next, first), 3));
    *unusual = _mm_movemask_epi8(empty) & 0xaaaa || firsts[8] - firsts[0] > 65;
    __m512i from = _mm512_sub_epi8(following, _mm512_set1_epi8((char)firsts[0]));
    from = _mm512_add_epi8(from, _mm512_permutexvar_epi8(each, _mm512_castsi128_si512(first)));
    __m512i number = _mm512_permutexvar_epi8(from, _mm512_loadu_si512(text + firsts[0]));
    number = _mm512_sub_epi8(number, _mm512_set1_epi8('0'));
    number = _mm512_sllv_epi64(number, _mm512_cvtepu16_epi64(empty));
    number = _mm512_maddubs_epi16(number, _mm512_set1_epi16(0x010a));
    number = _mm512_madd_epi16(number, _mm512_set1_epi32(0x00010064));
    return _mm512_add_epi64(_mm512_mul_epu32(number, _mm512_set1_epi64(10000)),
                            _mm512_srli_epi64(number, 32));
}

FSEG_AVX512 static size_t read_pairs(const char *text, const uint16_t *firsts, size_t pairs,
                                     uint64_t *end, uint32_t *counts)
{
    const __m512i one = _mm512_set1_epi64(1);
    uint64_t numbers[8] = {0, 0, 0, 0, 0, 0, *end, 0};
    __m512i before = _mm512_loadu_si512(numbers);
    size_t i = 0;
    for (; i < pairs; i += 4) {
        int unusual;
        __m512i number = read_eight(text, firsts + 2 * i, &unusual);
        __mmask8 valid = (__mmask8)low_bits(2 * (pairs - i));
        __m512i run = _mm512_mask_sub_epi64(number, 0x55, number,
                                            _mm512_alignr_epi64(number, before, 6));
        run = _mm512_mask_sub_epi64(run, 0x55, run, _mm512_alignr_epi64(number, before, 7));
        if (FSEG_UNLIKELY(unusual || _mm512_mask_cmplt_epi64_mask(valid, run, one)))
            break;
        _mm256_storeu_si256((__m256i *)(counts + 2 * i), _mm512_cvtepi64_epi32(run));
        before = number;
    }
    if (i) {
        i = i < pairs ? i : pairs;
        _mm512_storeu_si512(numbers, before);
        *end = numbers[(2 * i - 2) % 8] + numbers[(2 * i - 2) % 8 + 1];
    }
    return i;
}

const fseg_text_loops fseg_text_avx512 = {kaggle_tokens, coco_numbers, read_groups,
                                          add_up,        find_numbers, read_pairs,
                                          write_kaggle,  write_coco};

#else
typedef int fseg_text_avx512_unused;
#endif
