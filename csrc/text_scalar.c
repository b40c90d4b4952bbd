/* Portable loops of the texts, eight characters at a time in a uint64_t. */
#include "text_loops.h"
#include "text_numbers.h"

#define TOPS FSEG_BYTES(0x80)

/* Bit i from the top bit of byte i, of which the others are zero. */
static inline uint64_t gather(uint64_t tops)
{
    return (tops >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

/* Number of bytes whose top bit is set; the others are zero. */
static inline size_t number_of(uint64_t tops)
{
    return (size_t)((tops >> 7) * FSEG_BYTES(1) >> 56);
}

/* Top bits of the bytes that are over `least` - 1, which is 1 to 128. */
static inline uint64_t at_least(uint64_t word, unsigned least)
{
    return (((word & ~TOPS) + FSEG_BYTES(128 - least)) | word) & TOPS;
}

static inline uint64_t equal(uint64_t word, char c)
{
    return ~at_least(word ^ FSEG_BYTES((unsigned char)c), 1) & TOPS;
}

static inline uint64_t digits(uint64_t word)
{
    return ~at_least(word ^ FSEG_BYTES('0'), 10) & TOPS;
}

static inline uint64_t spaces(uint64_t word)
{
    return equal(word, ' ') | (at_least(word, '\t') & ~at_least(word, '\r' + 1));
}

size_t fseg_text_more_tokens(const char *text, size_t length, int inside)
{
    size_t tokens = 0, i = 0;
    uint64_t before = inside ? 0 : 0x80;
    for (; i + 8 <= length; i += 8) {
        uint64_t space = spaces(fseg_load(text + i));
        tokens += number_of(~space & (space << 8 | before) & TOPS);
        before = space >> 56;
    }
    for (; i < length; i++) {
        uint64_t space = spaces((unsigned char)text[i]) & 0x80;
        tokens += (size_t)((~space & before) >> 7);
        before = space;
    }
    return tokens;
}

static size_t kaggle_tokens(const char *text, size_t length)
{
    return fseg_text_more_tokens(text, length, 0);
}

/* 0x20 in the bytes that are not the last group of their number. */
static inline uint64_t goes_on(uint64_t word)
{
    return ((word & FSEG_BYTES(0x3f)) + FSEG_BYTES(0x10)) & FSEG_BYTES(0x20);
}

static size_t coco_numbers(const char *text, size_t length)
{
    size_t more = 0, i = 0;
    for (; i + 8 <= length; i += 8)
        more += number_of(goes_on(fseg_load(text + i)) << 2);
    for (; i < length; i++)
        more += (size_t)(goes_on((unsigned char)text[i]) >> 5 & 1);
    return length - more;
}

/* What eight characters add, and 16. */
static inline uint64_t values(uint64_t word)
{
    return word & ~((~word & FSEG_BYTES(0x40)) >> 1) & FSEG_BYTES(0x3f);
}

/* The same, 16 where `mask` is zero. */
static inline uint64_t some_values(uint64_t word, uint64_t mask)
{
    return ((values(word) ^ FSEG_BYTES(0x10)) & mask) ^ FSEG_BYTES(0x10);
}

/* Of four characters, every second one, the values of the numbers that would begin there. */
static inline uint64_t join(uint64_t first, uint64_t second, uint64_t third)
{
    const uint64_t low = UINT64_C(0x00ff00ff00ff00ff);
    return (first & low) + ((second & low) << 5) + ((third & low) << 10);
}

/* The value of the number that begins at each character is put together, of up to three groups;
 * then those where one does begin are kept. */
static size_t read_groups(const char *text, size_t length, uint32_t *numbers, size_t *used)
{
    const uint32_t added = 16 + (16 << 5) + (16 << 10);
    size_t n = 0, i = 0;
    uint64_t inside = 0; /* 0x20 if a number goes on into this step */
    length = fseg_whole_numbers(text, length);
    for (; i < length; i += 8) {
        uint64_t word = fseg_load(text + i), more = goes_on(word);
        uint64_t wrong = (word | ~(word + FSEG_BYTES(0x10)) << 1) & TOPS;
        size_t stop = length - i < 8 ? length - i : 8;
        if (!(wrong | more | inside) && stop == 8) {
            word = values(word);
            for (size_t j = 0; j < 8; j++)
                numbers[n + j] = (uint32_t)(word >> (8 * j) & 0xff) - 16;
            n += 8;
            continue;
        }
        uint64_t after = fseg_load(text + i + 1), third = fseg_load(text + i + 2);
        uint64_t mask = (more << 3) - (more >> 5), more2 = mask & goes_on(after);
        /* A last group of only the sign that the group before shows: '0' or 'O'. */
        uint64_t sign = (word + FSEG_BYTES(0x10)) >> 4 & FSEG_BYTES(1);
        wrong |= equal(after ^ ((sign << 7) - sign), '0') & more << 2;
        if (FSEG_UNLIKELY(wrong | (more2 & goes_on(third))))
            break;
        word = values(word);
        after = some_values(after, mask);
        third = some_values(third, (more2 << 3) - (more2 >> 5));
        uint64_t even = join(word, after, third), odd = join(word >> 8, after >> 8, third >> 8);
        uint64_t first = ~(more << 8 | inside) >> 5;
        inside = more >> 56;
        for (size_t j = 0; j < stop; j++) {
            uint64_t values = j & 1 ? odd : even;
            numbers[n] = (uint32_t)(values >> (8 * (j & 6)) & 0xffff) - added;
            n += first >> (8 * j) & 1;
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

int fseg_text_add_up(uint32_t *counts, size_t n, const uint32_t before[2], uint64_t *sum)
{
    uint64_t even = before[0], odd = before[1], both = 0, wrong = 0;
    size_t i = 0;
    for (; i + 2 <= n; i += 2) {
        even += counts[i] - ((uint64_t)counts[i] >> 31 << 32);
        odd += counts[i + 1] - ((uint64_t)counts[i + 1] >> 31 << 32);
        wrong |= (even - 1) | (odd - 1);
        both += even + odd;
        counts[i] = (uint32_t)even;
        counts[i + 1] = (uint32_t)odd;
    }
    if (i < n) {
        even += counts[i] - ((uint64_t)counts[i] >> 31 << 32);
        wrong |= even - 1;
        both += even;
        counts[i] = (uint32_t)even;
    }
    *sum = both;
    return wrong >> 31 == 0;
}

static size_t find_numbers(const char *text, size_t length, uint16_t *firsts, size_t *seen)
{
    size_t n = 0, i = 0;
    uint64_t before = 0;
    for (; i < length; i += 64) {
        uint64_t digit = 0, space = 0, first;
        for (size_t j = 0; j < 64; j += 8) {
            uint64_t word = fseg_load(text + i + j);
            digit |= gather(digits(word)) << j;
            space |= gather(equal(word, ' ')) << j;
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

size_t fseg_text_read_pairs(const char *text, const uint16_t *firsts, size_t pairs, uint64_t *end,
                            uint32_t *counts)
{
    size_t i = 0;
    for (; i < pairs; i++, firsts += 2) {
        unsigned digits = (unsigned)(firsts[1] - firsts[0] - 1);
        unsigned more_digits = (unsigned)(firsts[2] - firsts[1] - 1);
        if (FSEG_UNLIKELY(digits > 8 || more_digits > 8))
            break;
        uint32_t start = fseg_read_number(text + firsts[0], digits);
        uint32_t run = fseg_read_number(text + firsts[1], more_digits);
        if (FSEG_UNLIKELY(start <= *end || run < 1))
            break;
        counts[2 * i] = (uint32_t)(start - *end);
        counts[2 * i + 1] = run;
        *end = (uint64_t)start + run;
    }
    return i;
}

size_t fseg_text_write_kaggle(const uint32_t *counts, size_t runs, uint32_t base, char *text)
{
    return fseg_text_write_pairs(counts, runs / 2, base, text, text);
}

size_t fseg_text_write_pairs(const uint32_t *counts, size_t pairs, uint64_t end, char *text,
                             char *to)
{
    for (size_t i = 0; i < 2 * pairs; i += 2) {
        end += counts[i];
        to = fseg_write_number(end, to);
        to = fseg_write_number(counts[i + 1], to);
        end += counts[i + 1];
    }
    return to == text ? 0 : (size_t)(to - text) - 1;
}

size_t fseg_text_write_coco(const uint32_t *counts, size_t runs, char *text)
{
    char *to = text;
    for (size_t i = 0; i < runs; i++) {
        uint64_t number = fseg_difference(counts, i);
        if (FSEG_LIKELY(number + 512 < 1024)) {
            unsigned more = number + 16 >= 32;
            unsigned groups = (unsigned)number;
            to[0] = (char)('0' + (groups & 0x1f) + 0x20 * more);
            to[1] = (char)('0' + (groups >> 5 & 0x1f));
            to += 1 + more;
        } else {
            to = fseg_write_groups(number, to);
        }
    }
    return (size_t)(to - text);
}

const fseg_text_loops fseg_text_scalar = {kaggle_tokens,
                                          coco_numbers,
                                          read_groups,
                                          fseg_text_add_up,
                                          find_numbers,
                                          fseg_text_read_pairs,
                                          fseg_text_write_kaggle,
                                          fseg_text_write_coco};
