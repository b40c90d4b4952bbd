/* Loops of the texts with AVX2. No pdep or pext: some processors take hundreds of cycles for
 * them. */
#include "text_loops.h"
#include "text_numbers.h"

#if FSEG_X86

#include "text_pack.h"

enum {
    WIDE_AGAIN = 8, /* steps before short numbers are hoped for again */
    PAIRS = 32      /* whose digits are found at a time */
};

FSEG_AVX2 static inline __m256i load(const void *from)
{
    return _mm256_loadu_si256((const __m256i *)from);
}

/* 64 bits, one for each character, of two comparisons. */
FSEG_AVX2 static inline uint64_t bits(__m256i low, __m256i high)
{
    return (uint32_t)_mm256_movemask_epi8(low)
           | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

/* --- counting --------------------------------------------------------------------------------- */

FSEG_AVX2 static inline __m256i spaces(__m256i text)
{
    const __m256i same = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(' ', 0, 0, 0, 0, 0, 0, 0, 0, '\t', '\n', '\v', '\f', '\r', 0, 0));
    return _mm256_cmpeq_epi8(_mm256_shuffle_epi8(same, text), text);
}

FSEG_AVX2 static size_t kaggle_tokens(const char *text, size_t length)
{
    size_t tokens = 0, i = 0;
    uint64_t before = 1;
    for (; i + 64 <= length; i += 64) {
        uint64_t space = bits(spaces(load(text + i)), spaces(load(text + i + 32)));
        tokens += (size_t)_mm_popcnt_u64(~space & (space << 1 | before));
        before = space >> 63;
    }
    return tokens + fseg_text_more_tokens(text + i, length - i, !before);
}

/* Bit 7 in the bytes that are not the last group of their number. */
FSEG_AVX2 static inline __m256i goes_on(__m256i text)
{
    return _mm256_slli_epi16(_mm256_sub_epi8(text, _mm256_set1_epi8('0')), 2);
}

FSEG_AVX2 static size_t coco_numbers(const char *text, size_t length)
{
    size_t more = 0, i = 0;
    for (; i + 64 <= length; i += 64)
        more += (size_t)_mm_popcnt_u64(bits(goes_on(load(text + i)), goes_on(load(text + i + 32))));
    return i - more + fseg_text_scalar.coco_numbers(text + i, length - i);
}

/* --- COCO, writing ---------------------------------------------------------------------------- */

/* Write the bytes of `text` whose top bit in `keep` is set. */
FSEG_AVX2 static inline char *pack(__m256i text, __m256i keep, char *to)
{
    const __m256i halves = _mm256_set_epi64x(INT64_C(0x0808080808080808), 0,
                                             INT64_C(0x0808080808080808), 0);
    uint32_t kept = (uint32_t)_mm256_movemask_epi8(keep);
    uint32_t a = kept & 0xff, b = kept >> 8 & 0xff, c = kept >> 16 & 0xff, d = kept >> 24;
    __m256i places = _mm256_set_epi64x((int64_t)fseg_text_pack[d], (int64_t)fseg_text_pack[c],
                                       (int64_t)fseg_text_pack[b], (int64_t)fseg_text_pack[a]);
    text = _mm256_shuffle_epi8(text, _mm256_add_epi8(places, halves));
    __m128i low = _mm256_castsi256_si128(text), high = _mm256_extracti128_si256(text, 1);
    _mm_storel_epi64((__m128i *)to, low);
    to += _mm_popcnt_u32(a);
    _mm_storeh_pi((__m64 *)to, _mm_castsi128_ps(low));
    to += _mm_popcnt_u32(b);
    _mm_storel_epi64((__m128i *)to, high);
    to += _mm_popcnt_u32(c);
    _mm_storeh_pi((__m64 *)to, _mm_castsi128_ps(high));
    return to + _mm_popcnt_u32(d);
}

/* Write 16 differences of up to 2 groups each; NULL if there are others. */
FSEG_AVX2 static inline char *write_twos(const uint32_t *counts, char *text)
{
    __m256i a = load(counts), b = load(counts + 8), before = load(counts - 2);
    __m256i either = _mm256_or_si256(_mm256_or_si256(a, b), before);
    a = _mm256_sub_epi32(a, before);
    b = _mm256_sub_epi32(b, load(counts + 6));
    __m256i number = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
    __m256i size = _mm256_xor_si256(number, _mm256_srai_epi16(number, 15));
    __m256i large = _mm256_cmpgt_epi16(size, _mm256_set1_epi16(0x1ff));
    large = _mm256_or_si256(large, _mm256_srai_epi32(either, 31));
    if (FSEG_UNLIKELY(_mm256_movemask_epi8(large)))
        return NULL;
    __m256i more = _mm256_cmpgt_epi16(size, _mm256_set1_epi16(0xf));
    __m256i low = _mm256_and_si256(number, _mm256_set1_epi16(0x1f));
    __m256i high = _mm256_and_si256(_mm256_slli_epi16(number, 3), _mm256_set1_epi16(0x1f00));
    low = _mm256_or_si256(low, _mm256_and_si256(more, _mm256_set1_epi16(0x20)));
    __m256i groups = _mm256_add_epi8(_mm256_or_si256(low, high), _mm256_set1_epi8('0'));
    return pack(groups, _mm256_or_si256(more, _mm256_set1_epi16(0x80)), text);
}

/* Write 8 differences of up to 4 groups each; NULL if there are others. */
FSEG_AVX2 static inline char *write_fours(const uint32_t *counts, char *text)
{
    __m256i now = load(counts), before = load(counts - 2);
    if (FSEG_UNLIKELY(!_mm256_testz_si256(_mm256_or_si256(now, before),
                                          _mm256_set1_epi32(-0x80000))))
        return NULL;
    __m256i number = _mm256_sub_epi32(now, before);
    __m256i size = _mm256_xor_si256(number, _mm256_srai_epi32(number, 31));
    __m256i keep = _mm256_set1_epi32(0xff);
    const __m256i limits[3] = {_mm256_set1_epi32(0xf), _mm256_set1_epi32(0x1ff),
                               _mm256_set1_epi32(0x3fff)};
    const __m256i bytes[3] = {_mm256_set1_epi32(0xff00), _mm256_set1_epi32(0xff0000),
                              _mm256_set1_epi32(-0x1000000)};
    __m256i groups = _mm256_and_si256(number, _mm256_set1_epi32(0x1f));
    for (int i = 0; i < 3; i++) {
        number = _mm256_slli_epi32(number, 3);
        groups = _mm256_or_si256(groups, _mm256_and_si256(number, bytes[i]));
        keep = _mm256_or_si256(keep,
                               _mm256_and_si256(_mm256_cmpgt_epi32(size, limits[i]), bytes[i]));
    }
    groups = _mm256_and_si256(groups, _mm256_set1_epi8(0x1f));
    groups = _mm256_add_epi8(groups, _mm256_set1_epi8('0'));
    __m256i more = _mm256_and_si256(_mm256_srli_epi32(keep, 8), _mm256_set1_epi8(0x20));
    return pack(_mm256_add_epi8(groups, more), keep, text);
}

FSEG_AVX2 static size_t write_coco(const uint32_t *counts, size_t runs, char *text)
{
    char *to = text, *next;
    size_t i = 0, wide = 0;
    for (; i < 3 && i < runs; i++)
        to = fseg_write_groups(counts[i], to);
    while (i + 16 <= runs) {
        if (!wide) {
            next = write_twos(counts + i, to);
            if (next) {
                to = next;
                i += 16;
                continue;
            }
            wide = WIDE_AGAIN;
        }
        wide--;
        next = write_fours(counts + i, to);
        if (FSEG_LIKELY(next != NULL)) {
            to = next;
            i += 8;
            continue;
        }
        for (size_t stop = i + 8; i < stop; i++)
            to = fseg_write_groups(fseg_difference(counts, i), to);
    }
    for (; i < runs; i++)
        to = fseg_write_groups(fseg_difference(counts, i), to);
    return (size_t)(to - text);
}

/* --- COCO, reading ---------------------------------------------------------------------------- */

/* What a character adds, as a signed byte. */
FSEG_AVX2 static inline __m256i value(__m256i text)
{
    __m256i upper = _mm256_cmpgt_epi8(text, _mm256_set1_epi8(0x3f));
    text = _mm256_sub_epi8(text, _mm256_set1_epi8(0x30));
    return _mm256_sub_epi8(text, _mm256_and_si256(upper, _mm256_set1_epi8(0x20)));
}

/* All bits of the bytes that are not the last group of their number. */
FSEG_AVX2 static inline __m256i inner(__m256i text)
{
    return _mm256_cmpgt_epi8(text, _mm256_set1_epi8(0x4f));
}

/* All bits of the bytes that are in no valid text, with the one after them. */
FSEG_AVX2 static inline __m256i strange(__m256i text, __m256i after)
{
    /* By the upper half of a character: a last group after it of only the sign that it shows. */
    const __m256i idle = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        -1, -1, -1, -1, -1, '0', 'O', -1, -1, -1, -1, -1, -1, -1, -1, -1));
    __m256i upper = _mm256_and_si256(_mm256_srli_epi16(text, 4), _mm256_set1_epi8(0xf));
    __m256i overlong = _mm256_cmpeq_epi8(after, _mm256_shuffle_epi8(idle, upper));
    __m256i outside = _mm256_or_si256(_mm256_cmpgt_epi8(_mm256_set1_epi8('0'), text),
                                      _mm256_cmpgt_epi8(text, _mm256_set1_epi8('o')));
    return _mm256_or_si256(overlong, outside);
}

/* Write those of eight 16-bit numbers whose bit is set; return how many. */
FSEG_AVX2 static inline size_t put_numbers(__m128i values, unsigned set, uint32_t *numbers)
{
    __m256i lanes =
        _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(fseg_text_pack + set)));
    __m256i packed = _mm256_permutevar8x32_epi32(_mm256_cvtepi16_epi32(values), lanes);
    _mm256_storeu_si256((__m256i *)numbers, packed);
    return (size_t)_mm_popcnt_u32(set);
}

/* The value of the number that begins at each character is put together, of up to three groups;
 * then those where one does begin are kept. */
FSEG_AVX2 static size_t read_groups(const char *text, size_t length, uint32_t *numbers,
                                    size_t *used)
{
    const __m256i ones = _mm256_set1_epi16(0x2001), zero = _mm256_setzero_si256();
    size_t n = 0, i = 0;
    uint32_t inside = 0; /* whether a number goes on into this step */
    length = fseg_whole_numbers(text, length);
    for (; i < length; i += 32) {
        __m256i a = load(text + i), b = load(text + i + 1), c = load(text + i + 2);
        __m256i more = inner(a), more2 = _mm256_and_si256(more, inner(b));
        __m256i wrong = _mm256_or_si256(strange(a, b), _mm256_and_si256(more2, inner(c)));
        if (FSEG_UNLIKELY(_mm256_movemask_epi8(wrong)))
            break;
        uint32_t go_on = (uint32_t)_mm256_movemask_epi8(more);
        uint32_t first = ~(go_on << 1 | inside);
        inside = go_on >> 31;
        first &= (uint32_t)fseg_low_bits(length - i);
        a = value(a);
        b = _mm256_and_si256(value(b), more);
        c = _mm256_and_si256(value(c), more2);
        __m256i low = _mm256_maddubs_epi16(ones, _mm256_unpacklo_epi8(a, b));
        __m256i high = _mm256_maddubs_epi16(ones, _mm256_unpackhi_epi8(a, b));
        low = _mm256_add_epi16(low, _mm256_slli_epi16(_mm256_unpacklo_epi8(zero, c), 2));
        high = _mm256_add_epi16(high, _mm256_slli_epi16(_mm256_unpackhi_epi8(zero, c), 2));
        n += put_numbers(_mm256_castsi256_si128(low), first & 0xff, numbers + n);
        n += put_numbers(_mm256_castsi256_si128(high), first >> 8 & 0xff, numbers + n);
        n += put_numbers(_mm256_extracti128_si256(low, 1), first >> 16 & 0xff, numbers + n);
        n += put_numbers(_mm256_extracti128_si256(high, 1), first >> 24, numbers + n);
    }
    if (i < length) {
        /* A number that goes on among the characters that were refused is counted, wrongly. */
        length = fseg_whole_numbers(text, i);
        n -= length < i;
    }
    *used = length;
    return n;
}

FSEG_AVX2 static int add_up(uint32_t *counts, size_t n, const uint32_t before[2], uint64_t *sum)
{
    __m256i pair = _mm256_set1_epi64x((int64_t)(before[0] | (uint64_t)before[1] << 32));
    __m256i least = _mm256_set1_epi32(1), both = _mm256_setzero_si256(), odd = both;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i run = load(counts + i);
        run = _mm256_add_epi32(run, _mm256_slli_si256(run, 8));
        __m256i low = _mm256_permute2x128_si256(run, run, 0x08);
        run = _mm256_add_epi32(run, _mm256_unpackhi_epi64(low, low));
        __m256i last = _mm256_permute4x64_epi64(run, 0xff);
        run = _mm256_add_epi32(run, pair);
        pair = _mm256_add_epi32(pair, last);
        _mm256_storeu_si256((__m256i *)(counts + i), run);
        least = _mm256_min_epi32(least, run);
        both = _mm256_add_epi64(both, run);
        odd = _mm256_add_epi64(odd, _mm256_srli_epi64(run, 32));
    }
    uint64_t each[2][4], high = 0, rest;
    uint32_t now[8];
    _mm256_storeu_si256((__m256i *)each[0], both);
    _mm256_storeu_si256((__m256i *)each[1], odd);
    _mm256_storeu_si256((__m256i *)now, pair);
    *sum = 0;
    for (int j = 0; j < 4; j++) {
        *sum += each[0][j];
        high += each[1][j];
    }
    int positive = fseg_text_add_up(counts + i, n - i, now, &rest);
    *sum = *sum - (high << 32) + high + rest;
    return positive && !_mm256_movemask_epi8(_mm256_cmpgt_epi32(_mm256_set1_epi32(1), least));
}

/* --- Kaggle, writing -------------------------------------------------------------------------- */

/* A constant as a variable: else gcc 12 multiplies by it with six shifts and additions. */
FSEG_AVX2 static inline __m256i variable(__m256i constant)
{
    __asm__("" : "+x"(constant));
    return constant;
}

/* The eight digits of numbers under 10^8, the first in the lowest byte. */
FSEG_AVX2 static inline __m256i digits(__m256i number)
{
    __m256i high = _mm256_mul_epu32(number, _mm256_set1_epi64x(3518437209));
    high = _mm256_srli_epi64(high, 45);
    __m256i rest =
        _mm256_sub_epi64(number, _mm256_mul_epu32(high, _mm256_set1_epi64x(10000)));
    number = _mm256_or_si256(high, _mm256_slli_epi64(rest, 32));
    high = _mm256_srli_epi16(_mm256_mulhi_epu16(number, _mm256_set1_epi16(5243)), 3);
    rest = _mm256_sub_epi16(number,
                            _mm256_mullo_epi16(high, variable(_mm256_set1_epi16(100))));
    number = _mm256_or_si256(high, _mm256_slli_epi32(rest, 16));
    high = _mm256_mulhi_epu16(number, _mm256_set1_epi16(6554));
    return _mm256_add_epi16(_mm256_slli_epi16(number, 8),
                            _mm256_mullo_epi16(high, variable(_mm256_set1_epi16(1 - 2560))));
}

/* The digits of four pairs, unless one is 10^8 or more; `*end` is where the run before ended, four
 * times. Whether it is so. */
FSEG_AVX2 static inline int pair_digits(const uint32_t *counts, __m256i *end, uint64_t *words)
{
    __m256i both = load(counts), run = _mm256_srli_epi64(both, 32);
    __m256i sum = _mm256_and_si256(both, _mm256_set1_epi64x(UINT32_MAX));
    sum = _mm256_add_epi64(sum, run);
    sum = _mm256_add_epi64(sum, _mm256_slli_si256(sum, 8));
    __m256i low = _mm256_permute2x128_si256(sum, sum, 0x08);
    sum = _mm256_add_epi64(sum, _mm256_unpackhi_epi64(low, low));
    __m256i last = _mm256_permute4x64_epi64(sum, 0xff);
    sum = _mm256_add_epi64(sum, *end);
    __m256i small = _mm256_cmpgt_epi64(_mm256_set1_epi64x(100000000), sum);
    if (FSEG_UNLIKELY(_mm256_movemask_epi8(small) != -1))
        return 0;
    *end = _mm256_add_epi64(*end, last);
    __m256i start = digits(_mm256_sub_epi64(sum, run));
    run = digits(run);
    __m256i even = _mm256_unpacklo_epi64(start, run), odd = _mm256_unpackhi_epi64(start, run);
    _mm256_storeu_si256((__m256i *)words, _mm256_permute2x128_si256(even, odd, 0x20));
    _mm256_storeu_si256((__m256i *)(words + 4), _mm256_permute2x128_si256(even, odd, 0x31));
    return 1;
}

FSEG_AVX2 static size_t write_kaggle(const uint32_t *counts, size_t runs, uint32_t base, char *text)
{
    /* All digits of a batch first: either half has a long latency that the other would expose. */
    uint64_t words[2 * PAIRS];
    char *to = text;
    size_t pairs = runs / 2, i = 0, ready = PAIRS;
    __m256i end = _mm256_set1_epi64x(base);
    for (; i < pairs && ready == PAIRS; i += ready) {
        for (ready = 0; ready < PAIRS && i + ready + 4 <= pairs; ready += 4)
            if (!pair_digits(counts + 2 * (i + ready), &end, words + 2 * ready))
                break;
        for (size_t j = 0; j < 2 * ready; j++)
            to = fseg_put_digits(words[j], to);
    }
    uint64_t last = (uint64_t)_mm_cvtsi128_si64(_mm256_castsi256_si128(end));
    return fseg_text_write_pairs(counts + 2 * i, pairs - i, last, text, to);
}

/* --- Kaggle, reading -------------------------------------------------------------------------- */

FSEG_AVX2 static size_t find_numbers(const char *text, size_t length, uint16_t *firsts,
                                     size_t *seen)
{
    const __m256i zero = _mm256_set1_epi8('0'), nine = _mm256_set1_epi8(9);
    const __m256i blank = _mm256_set1_epi8(' ');
    size_t n = 0, i = 0;
    uint64_t before = 0, first;
    for (; i < length; i += 64) {
        __m256i a = load(text + i), b = load(text + i + 32);
        uint64_t space = bits(_mm256_cmpeq_epi8(a, blank), _mm256_cmpeq_epi8(b, blank));
        a = _mm256_sub_epi8(a, zero);
        b = _mm256_sub_epi8(b, zero);
        uint64_t digit = bits(_mm256_cmpeq_epi8(_mm256_min_epu8(a, nine), a),
                              _mm256_cmpeq_epi8(_mm256_min_epu8(b, nine), b));
        if (FSEG_UNLIKELY(!fseg_firsts(digit, space, length - i, &before, &first)))
            break;
        size_t found = (size_t)_mm_popcnt_u64(first);
        fseg_note(first, found, i, firsts + n);
        n += found;
    }
    *seen = i < length ? i : length;
    return n;
}

FSEG_AVX2 static inline __m256i read_four(const char *text, const uint16_t *firsts, int *unusual)
{
    __m128i first = _mm_loadl_epi64((const __m128i *)firsts);
    __m128i next = _mm_loadl_epi64((const __m128i *)(firsts + 1));
    /* 64 - 8 * digits */
    __m128i empty = _mm_sub_epi16(_mm_set1_epi16(72),
                                  _mm_slli_epi16(_mm_sub_epi16(next, first), 3));
    *unusual = _mm_movemask_epi8(empty) & 0xaaaa;
    __m256i number = _mm256_set_epi64x(
        (int64_t)fseg_load(text + firsts[3]), (int64_t)fseg_load(text + firsts[2]),
        (int64_t)fseg_load(text + firsts[1]), (int64_t)fseg_load(text + firsts[0]));
    number = _mm256_sub_epi8(number, _mm256_set1_epi8('0'));
    number = _mm256_sllv_epi64(number, _mm256_cvtepu16_epi64(empty));
    number = _mm256_maddubs_epi16(number, _mm256_set1_epi16(0x010a));
    number = _mm256_madd_epi16(number, _mm256_set1_epi32(0x00010064));
    return _mm256_add_epi64(_mm256_mul_epu32(number, _mm256_set1_epi64x(10000)),
                            _mm256_srli_epi64(number, 32));
}

FSEG_AVX2 static size_t read_pairs(const char *text, const uint16_t *firsts, size_t pairs,
                                   uint64_t *end, uint32_t *counts)
{
    const __m256i even = _mm256_set_epi64x(0, -1, 0, -1);
    uint64_t numbers[4] = {0, 0, *end, 0};
    __m256i before = load(numbers);
    size_t i = 0;
    for (; i < pairs; i += 2) {
        int unusual;
        __m256i number = read_four(text, firsts + 2 * i, &unusual);
        __m256i last = _mm256_permute2x128_si256(before, number, 0x21);
        last = _mm256_add_epi64(last, _mm256_shuffle_epi32(last, 0x4e));
        __m256i run = _mm256_sub_epi64(number, _mm256_and_si256(last, even));
        int positive = _mm256_movemask_pd(
            _mm256_castsi256_pd(_mm256_cmpgt_epi64(run, _mm256_setzero_si256())));
        int needed = pairs - i == 1 ? 3 : 15;
        if (FSEG_UNLIKELY(unusual || (positive & needed) != needed))
            break;
        run = _mm256_permutevar8x32_epi32(run, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
        _mm_storeu_si128((__m128i *)(counts + 2 * i), _mm256_castsi256_si128(run));
        before = number;
    }
    if (i) {
        i = i < pairs ? i : pairs;
        _mm256_storeu_si256((__m256i *)numbers, before);
        *end = i % 2 ? numbers[0] + numbers[1] : numbers[2] + numbers[3];
    }
    return i;
}

const fseg_text_loops fseg_text_avx2 = {kaggle_tokens, coco_numbers, read_groups,
                                        add_up,        find_numbers, read_pairs,
                                        write_kaggle,  write_coco};

#else
typedef int fseg_text_avx2_unused;
#endif
