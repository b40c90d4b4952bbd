/* Single numbers and their characters, eight at a time in a word, for all instruction sets. */
#ifndef FACESEG_TEXT_NUMBERS_H
#define FACESEG_TEXT_NUMBERS_H

#include "portable.h"

#include <string.h>

#define FSEG_BYTES(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Eight characters, the first in the lowest bits. */
static inline uint64_t fseg_load(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
    return FSEG_BIG_ENDIAN ? fseg_swap(word) : word;
}

static inline void fseg_store(char *text, uint64_t word)
{
    word = FSEG_BIG_ENDIAN ? fseg_swap(word) : word;
    memcpy(text, &word, sizeof word);
}

/* The lowest n bits; n may be over 64. */
static inline uint64_t fseg_low_bits(size_t n)
{
    return n < 64 ? (UINT64_C(1) << n) - 1 : ~UINT64_C(0);
}

/* --- decimal ---------------------------------------------------------------------------------- */

/* The eight digits of a number under 10^8, the first in the lowest byte. */
static inline uint64_t fseg_digits(uint32_t number)
{
    uint64_t digits = number / 10000 + ((uint64_t)(number % 10000) << 32);
    uint64_t high = (digits * 10486 >> 20) & UINT64_C(0x0000007f0000007f);
    digits = (digits << 16) - high * ((100 << 16) - 1);
    high = (digits * 103 >> 10) & UINT64_C(0x000f000f000f000f);
    return (digits << 8) - high * ((10 << 8) - 1);
}

/* Write a number, of which the digits are given, and a space; up to 7 characters more are
 * overwritten. */
static inline char *fseg_put_digits(uint64_t digits, char *text)
{
    unsigned zeros = fseg_ctz(digits | UINT64_C(1) << 56) & 0x38;
    fseg_store(text, (digits + FSEG_BYTES('0')) >> zeros);
    text += 8 - zeros / 8;
    *text = ' ';
    return text + 1;
}

/* Write a number under 10^10 and a space; up to 8 characters more are overwritten. */
static inline char *fseg_write_number(uint64_t number, char *text)
{
    if (FSEG_LIKELY(number < 100000000))
        return fseg_put_digits(fseg_digits((uint32_t)number), text);
    unsigned high = (unsigned)(number / 100000000);
    if (high >= 10)
        *text++ = (char)('0' + high / 10);
    *text++ = (char)('0' + high % 10);
    fseg_store(text, fseg_digits((uint32_t)(number % 100000000)) + FSEG_BYTES('0'));
    text[8] = ' ';
    return text + 9;
}

/* A number of one to eight digits; what follows them does not matter. */
static inline uint32_t fseg_read_number(const char *text, unsigned digits)
{
    const uint64_t pair = UINT64_C(0x000000ff000000ff);
    uint64_t word = (fseg_load(text) - FSEG_BYTES('0')) << (64 - 8 * digits);
    word = word * 10 + (word >> 8);
    return (uint32_t)(((word & pair) * (100 + (UINT64_C(1000000) << 32))
                       + (word >> 16 & pair) * (1 + (UINT64_C(10000) << 32)))
                      >> 32);
}

/* --- groups of five bits ---------------------------------------------------------------------- */

/* Write a difference of two runs; up to 7 characters more are overwritten. */
static inline char *fseg_write_groups(uint64_t number, char *text)
{
    uint64_t size = number ^ (0 - (number >> 63));
    unsigned bits = 64 - fseg_clz(size << 1 | 1);
    unsigned groups = (bits + 4) * 13 >> 6; /* (bits + 4) / 5, up to 38 */
    number = (number & 0xfffff) | (number & UINT64_C(0xfffff00000)) << 12;
    number = (number & UINT64_C(0x000003ff000003ff))
             | (number & UINT64_C(0x000ffc00000ffc00)) << 6;
    number = (number & UINT64_C(0x001f001f001f001f))
             | (number & UINT64_C(0x03e003e003e003e0)) << 3;
    number |= FSEG_BYTES(0x20) & ((UINT64_C(1) << (8 * groups - 8)) - 1);
    fseg_store(text, number + FSEG_BYTES('0'));
    return text + groups;
}

/* What COCO writes for a run. */
static inline uint64_t fseg_difference(const uint32_t *counts, size_t i)
{
    return counts[i] - (i > 2 ? (uint64_t)counts[i - 2] : 0);
}

/* How many of `length` characters are whole numbers; all are valid. */
static inline size_t fseg_whole_numbers(const char *text, size_t length)
{
    while (length && ((unsigned char)text[length - 1] - '0') & 0x20)
        length--;
    return length;
}

/* --- loops that other instruction sets share -------------------------------------------------- */

/* Of 64 characters, the first ones of numbers: 0 if the first `length` are not all digits and
 * spaces, each after a digit. `*before` is 1 if the character before them is a digit. */
static inline int fseg_firsts(uint64_t digit, uint64_t space, size_t length, uint64_t *before,
                              uint64_t *first)
{
    uint64_t valid = fseg_low_bits(length), after_digit = digit << 1 | *before;
    *first = digit & ~after_digit & valid;
    *before = digit >> 63;
    return ((digit | (space & after_digit)) & valid) == valid;
}

/* Note the bits of `first` as places from `at` on; up to 7 places more are overwritten. */
static inline void fseg_note(uint64_t first, size_t n, size_t at, uint16_t *places)
{
    for (size_t i = 0; i < n; i += 8)
        for (size_t j = i; j < i + 8; j++) {
            places[j] = (uint16_t)(at + fseg_ctz(first | UINT64_C(1) << 63));
            first &= first - 1;
        }
}

/* Numbers that begin in a text; `inside`: after a character of a number. */
size_t fseg_text_more_tokens(const char *text, size_t length, int inside);
int fseg_text_add_up(uint32_t *counts, size_t n, const uint32_t before[2], uint64_t *sum);
size_t fseg_text_read_pairs(const char *text, const uint16_t *firsts, size_t pairs, uint64_t *end,
                            uint32_t *counts);

/* Write the rest of a text, at `to`; `end` is where the run before ended. Returns the length. */
size_t fseg_text_write_pairs(const uint32_t *counts, size_t pairs, uint64_t end, char *text,
                             char *to);
size_t fseg_text_write_kaggle(const uint32_t *counts, size_t runs, uint32_t base, char *text);
size_t fseg_text_write_coco(const uint32_t *counts, size_t runs, char *text);

#endif
