/* Loops of the texts with SSE2, which finds things fast but cannot shuffle: numbers that are put
 * together in vectors are moved one by one. */
#include "text_loops.h"
#include "text_numbers.h"

#if FSEG_X86

enum {
    WIDE_AGAIN = 8, /* steps before short numbers are hoped for again */
    PAIRS = 32      /* whose digits are found at a time */
};

FSEG_SSE2 static inline __m128i load(const void *from)
{
    return _mm_loadu_si128((const __m128i *)from);
}

FSEG_SSE2 static inline void store(void *to, __m128i vector)
{
    _mm_storeu_si128((__m128i *)to, vector);
}

/* --- counting --------------------------------------------------------------------------------- */

FSEG_SSE2 static inline unsigned spaces(__m128i text)
{
    __m128i control = _mm_sub_epi8(text, _mm_set1_epi8('\t'));
    control = _mm_cmpeq_epi8(_mm_min_epu8(control, _mm_set1_epi8('\r' - '\t')), control);
    __m128i blank = _mm_cmpeq_epi8(text, _mm_set1_epi8(' '));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(control, blank));
}

FSEG_SSE2 static size_t kaggle_tokens(const char *text, size_t length)
{
    size_t tokens = 0, i = 0;
    unsigned before = 1;
    for (; i + 64 <= length; i += 64) {
        uint64_t first = 0;
        for (int j = 0; j < 64; j += 16) {
            unsigned space = spaces(load(text + i + j));
            first |= (uint64_t)(~space & (space << 1 | before) & 0xffff) << j;
            before = space >> 15;
        }
        tokens += fseg_popcount(first);
    }
    return tokens + fseg_text_more_tokens(text + i, length - i, !before);
}

/* Bit 7 in the bytes that are not the last group of their number. */
FSEG_SSE2 static inline unsigned goes_on(__m128i text)
{
    return (unsigned)_mm_movemask_epi8(
        _mm_slli_epi16(_mm_sub_epi8(text, _mm_set1_epi8('0')), 2));
}

FSEG_SSE2 static size_t coco_numbers(const char *text, size_t length)
{
    size_t more = 0, i = 0;
    for (; i + 64 <= length; i += 64) {
        uint64_t bits = 0;
        for (int j = 0; j < 64; j += 16)
            bits |= (uint64_t)goes_on(load(text + i + j)) << j;
        more += fseg_popcount(bits);
    }
    return i - more + fseg_text_scalar.coco_numbers(text + i, length - i);
}

/* --- COCO, writing ---------------------------------------------------------------------------- */

/* Write 8 differences of up to 2 groups each; NULL if there are others. */
FSEG_SSE2 static inline char *write_twos(const uint32_t *counts, char *text)
{
    __m128i a = load(counts), b = load(counts + 4), before = load(counts - 2);
    __m128i either = _mm_or_si128(_mm_or_si128(a, b), before);
    __m128i number = _mm_packs_epi32(_mm_sub_epi32(a, before),
                                     _mm_sub_epi32(b, load(counts + 2)));
    __m128i size = _mm_xor_si128(number, _mm_srai_epi16(number, 15));
    __m128i large = _mm_cmpgt_epi16(size, _mm_set1_epi16(0x1ff));
    if (FSEG_UNLIKELY(_mm_movemask_epi8(_mm_or_si128(large, _mm_srai_epi32(either, 31)))))
        return NULL;
    __m128i more = _mm_cmpgt_epi16(size, _mm_set1_epi16(0xf));
    __m128i low = _mm_and_si128(number, _mm_set1_epi16(0x1f));
    __m128i high = _mm_and_si128(_mm_slli_epi16(number, 3), _mm_set1_epi16(0x1f00));
    low = _mm_or_si128(low, _mm_and_si128(more, _mm_set1_epi16(0x20)));
    uint16_t groups[8];
    store(groups, _mm_add_epi8(_mm_or_si128(low, high), _mm_set1_epi8('0')));
    unsigned two = (unsigned)_mm_movemask_epi8(more);
    for (int i = 0; i < 8; i++) {
        memcpy(text, groups + i, 2);
        text += 1 + (two >> (2 * i) & 1);
    }
    return text;
}

/* Write 4 differences of up to 4 groups each; NULL if there are others. */
FSEG_SSE2 static inline char *write_fours(const uint32_t *counts, char *text)
{
    __m128i now = load(counts), before = load(counts - 2);
    __m128i large = _mm_and_si128(_mm_or_si128(now, before), _mm_set1_epi32(-0x80000));
    if (FSEG_UNLIKELY(_mm_movemask_epi8(_mm_cmpeq_epi8(large, _mm_setzero_si128())) != 0xffff))
        return NULL;
    __m128i number = _mm_sub_epi32(now, before);
    __m128i size = _mm_xor_si128(number, _mm_srai_epi32(number, 31));
    __m128i two = _mm_cmpgt_epi32(size, _mm_set1_epi32(0xf));
    __m128i three = _mm_cmpgt_epi32(size, _mm_set1_epi32(0x1ff));
    __m128i four = _mm_cmpgt_epi32(size, _mm_set1_epi32(0x3fff));
    __m128i groups = _mm_and_si128(number, _mm_set1_epi32(0x1f));
    number = _mm_slli_epi32(number, 3);
    groups = _mm_or_si128(groups, _mm_and_si128(number, _mm_set1_epi32(0x1f00)));
    number = _mm_slli_epi32(number, 3);
    groups = _mm_or_si128(groups, _mm_and_si128(number, _mm_set1_epi32(0x1f0000)));
    number = _mm_slli_epi32(number, 3);
    groups = _mm_or_si128(groups, _mm_and_si128(number, _mm_set1_epi32(0x1f000000)));
    groups = _mm_or_si128(groups, _mm_and_si128(two, _mm_set1_epi32(0x20)));
    groups = _mm_or_si128(groups, _mm_and_si128(three, _mm_set1_epi32(0x2000)));
    groups = _mm_or_si128(groups, _mm_and_si128(four, _mm_set1_epi32(0x200000)));
    uint32_t characters[4], lengths[4];
    store(characters, _mm_add_epi8(groups, _mm_set1_epi8('0')));
    store(lengths, _mm_sub_epi32(_mm_sub_epi32(_mm_set1_epi32(1), two),
                                 _mm_add_epi32(three, four)));
    for (int i = 0; i < 4; i++) {
        memcpy(text, characters + i, 4);
        text += lengths[i];
    }
    return text;
}

FSEG_SSE2 static size_t write_coco(const uint32_t *counts, size_t runs, char *text)
{
    char *to = text, *next;
    size_t i = 0, wide = 0;
    for (; i < 3 && i < runs; i++)
        to = fseg_write_groups(counts[i], to);
    while (i + 8 <= runs) {
        if (!wide) {
            next = write_twos(counts + i, to);
            if (next) {
                to = next;
                i += 8;
                continue;
            }
            wide = WIDE_AGAIN;
        }
        wide--;
        next = write_fours(counts + i, to);
        if (FSEG_LIKELY(next != NULL)) {
            to = next;
            i += 4;
            continue;
        }
        for (size_t stop = i + 4; i < stop; i++)
            to = fseg_write_groups(fseg_difference(counts, i), to);
    }
    for (; i < runs; i++)
        to = fseg_write_groups(fseg_difference(counts, i), to);
    return (size_t)(to - text);
}

/* --- COCO, reading ---------------------------------------------------------------------------- */

/* What a character adds, as a signed byte. */
FSEG_SSE2 static inline __m128i value(__m128i text)
{
    __m128i upper = _mm_cmpgt_epi8(text, _mm_set1_epi8(0x3f));
    text = _mm_sub_epi8(text, _mm_set1_epi8(0x30));
    return _mm_sub_epi8(text, _mm_and_si128(upper, _mm_set1_epi8(0x20)));
}

/* All bits of the bytes that are not the last group of their number. */
FSEG_SSE2 static inline __m128i inner(__m128i text)
{
    return _mm_cmpgt_epi8(text, _mm_set1_epi8(0x4f));
}

/* All bits of the bytes that are in no valid text, with the one after them. */
FSEG_SSE2 static inline __m128i strange(__m128i text, __m128i more, __m128i after)
{
    /* A last group of only the sign that the group before shows: '0' or 'O'. */
    __m128i sign = _mm_and_si128(_mm_cmpgt_epi8(text, _mm_set1_epi8(0x5f)),
                                 _mm_set1_epi8('0' ^ 'O'));
    __m128i idle = _mm_cmpeq_epi8(_mm_xor_si128(after, sign), _mm_set1_epi8('0'));
    __m128i outside = _mm_or_si128(_mm_cmpgt_epi8(_mm_set1_epi8('0'), text),
                                   _mm_cmpgt_epi8(text, _mm_set1_epi8('o')));
    return _mm_or_si128(_mm_and_si128(idle, more), outside);
}

/* The value of the number that begins at each character is put together, of up to three groups;
 * then those where one does begin are kept. */
FSEG_SSE2 static size_t read_groups(const char *text, size_t length, uint32_t *numbers,
                                    size_t *used)
{
    const __m128i zero = _mm_setzero_si128();
    size_t n = 0, i = 0;
    unsigned inside = 0; /* whether a number goes on into this step */
    length = fseg_whole_numbers(text, length);
    for (; i < length; i += 16) {
        __m128i a = load(text + i), b = load(text + i + 1), c = load(text + i + 2);
        __m128i more = inner(a), more2 = _mm_and_si128(more, inner(b));
        __m128i wrong = _mm_or_si128(strange(a, more, b), _mm_and_si128(more2, inner(c)));
        if (FSEG_UNLIKELY(_mm_movemask_epi8(wrong)))
            break;
        unsigned go_on = (unsigned)_mm_movemask_epi8(more);
        unsigned first = ~(go_on << 1 | inside) & (unsigned)fseg_low_bits(length - i);
        inside = go_on >> 15;
        a = value(a);
        b = _mm_and_si128(value(b), more);
        c = _mm_and_si128(value(c), more2);
        /* As 16 bits, times 256, and from there times 1, 32 and 1024. */
        __m128i low = _mm_srai_epi16(_mm_unpacklo_epi8(zero, a), 8);
        __m128i high = _mm_srai_epi16(_mm_unpackhi_epi8(zero, a), 8);
        low = _mm_add_epi16(low, _mm_srai_epi16(_mm_unpacklo_epi8(zero, b), 3));
        high = _mm_add_epi16(high, _mm_srai_epi16(_mm_unpackhi_epi8(zero, b), 3));
        low = _mm_add_epi16(low, _mm_slli_epi16(_mm_unpacklo_epi8(zero, c), 2));
        high = _mm_add_epi16(high, _mm_slli_epi16(_mm_unpackhi_epi8(zero, c), 2));
        int16_t values[16];
        store(values, low);
        store(values + 8, high);
        for (int j = 0; j < 16; j++) {
            numbers[n] = (uint32_t)values[j];
            n += first >> j & 1;
        }
    }
    if (i < length) {
        /* A number that goes on among the characters that were refused is counted, wrongly. */
        length = fseg_whole_numbers(text, i);
        n -= length < i;
    }
    *used = length;
    return n;
}

FSEG_SSE2 static int add_up(uint32_t *counts, size_t n, const uint32_t before[2], uint64_t *sum)
{
    const __m128i one = _mm_set1_epi32(1), evens = _mm_set_epi32(0, -1, 0, -1);
    uint32_t last[2] = {before[0], before[1]};
    uint64_t sums[2], rest;
    __m128i pair = _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)last),
                                      _mm_loadl_epi64((const __m128i *)last));
    __m128i wrong = _mm_setzero_si128(), both = wrong;
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        __m128i run = load(counts + i);
        run = _mm_add_epi32(run, _mm_slli_si128(run, 8));
        __m128i step = _mm_unpackhi_epi64(run, run);
        run = _mm_add_epi32(run, pair);
        pair = _mm_add_epi32(pair, step);
        store(counts + i, run);
        wrong = _mm_or_si128(wrong, _mm_cmpgt_epi32(one, run));
        both = _mm_add_epi64(both, _mm_and_si128(run, evens));
        both = _mm_add_epi64(both, _mm_srli_epi64(run, 32));
    }
    _mm_storel_epi64((__m128i *)last, pair);
    store(sums, both);
    int positive = fseg_text_add_up(counts + i, n - i, last, &rest);
    *sum = sums[0] + sums[1] + rest;
    return positive && !_mm_movemask_epi8(wrong);
}

/* --- Kaggle ----------------------------------------------------------------------------------- */

/* The eight digits of two numbers under 10^8, the first in the lowest byte. */
FSEG_SSE2 static inline __m128i digits(__m128i number)
{
    __m128i high = _mm_mul_epu32(number, _mm_set1_epi32((int)0xd1b71759));
    high = _mm_srli_epi64(high, 45);
    __m128i rest = _mm_sub_epi64(number, _mm_mul_epu32(high, _mm_set1_epi32(10000)));
    number = _mm_or_si128(high, _mm_slli_epi64(rest, 32));
    high = _mm_srli_epi16(_mm_mulhi_epu16(number, _mm_set1_epi16(5243)), 3);
    rest = _mm_sub_epi16(number, _mm_mullo_epi16(high, _mm_set1_epi16(100)));
    number = _mm_or_si128(high, _mm_slli_epi32(rest, 16));
    high = _mm_mulhi_epu16(number, _mm_set1_epi16(6554));
    return _mm_add_epi16(_mm_slli_epi16(number, 8),
                         _mm_mullo_epi16(high, _mm_set1_epi16(1 - 2560)));
}

FSEG_SSE2 static size_t write_kaggle(const uint32_t *counts, size_t runs, uint32_t base, char *text)
{
    uint64_t words[2 * PAIRS], end = base;
    char *to = text;
    size_t pairs = runs / 2, i = 0, ready = PAIRS;
    for (; i < pairs && ready == PAIRS; i += ready) {
        for (ready = 0; ready < PAIRS && i + ready < pairs; ready++) {
            const uint32_t *pair = counts + 2 * (i + ready);
            uint64_t start = end + pair[0];
            if (FSEG_UNLIKELY(start + pair[1] >= 100000000))
                break;
            end = start + pair[1];
            store(words + 2 * ready, digits(_mm_set_epi64x(pair[1], (int64_t)start)));
        }
        for (size_t j = 0; j < 2 * ready; j++)
            to = fseg_put_digits(words[j], to);
    }
    return fseg_text_write_pairs(counts + 2 * i, pairs - i, end, text, to);
}

FSEG_SSE2 static size_t find_numbers(const char *text, size_t length, uint16_t *firsts,
                                     size_t *seen)
{
    const __m128i nine = _mm_set1_epi8(9);
    size_t n = 0, i = 0;
    uint64_t before = 0, first;
    for (; i < length; i += 64) {
        uint64_t digit = 0, space = 0;
        for (int j = 0; j < 64; j += 16) {
            __m128i characters = load(text + i + j);
            __m128i blank = _mm_cmpeq_epi8(characters, _mm_set1_epi8(' '));
            characters = _mm_sub_epi8(characters, _mm_set1_epi8('0'));
            characters = _mm_cmpeq_epi8(_mm_min_epu8(characters, nine), characters);
            digit |= (uint64_t)(unsigned)_mm_movemask_epi8(characters) << j;
            space |= (uint64_t)(unsigned)_mm_movemask_epi8(blank) << j;
        }
        if (FSEG_UNLIKELY(!fseg_firsts(digit, space, length - i, &before, &first)))
            break;
        size_t found = fseg_popcount(first);
        fseg_note(first, found, i, firsts + n);
        n += found;
    }
    *seen = i < length ? i : length;
    return n;
}

const fseg_text_loops fseg_text_sse2 = {kaggle_tokens, coco_numbers, read_groups,
                                        add_up,        find_numbers, fseg_text_read_pairs,
                                        write_kaggle,  write_coco};

#else
typedef int fseg_text_sse2_unused;
#endif
