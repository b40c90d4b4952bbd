/* Runs <-> text, Kaggle's and COCO's. */
#include "faceseg.h"
#include "status.h"

enum { MOST_GROUPS = 7 }; /* a difference of two uint32 has 33 bits and a sign to show */

static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

size_t fseg_kaggle_tokens(const char *text, size_t length)
{
    size_t tokens = 0;
    int space = 1;
    for (size_t i = 0; i < length; i++) {
        int now = is_space(text[i]);
        tokens += (size_t)(space & !now);
        space = now;
    }
    return tokens;
}

/* Read the number at `*at`, which is inside the text and no space; leave `*at` behind it. */
static fseg_status parse_number(const char *text, size_t length, size_t *at, int64_t *number,
                                fseg_fault *fault)
{
    size_t first = *at, i = first;
    int negative = text[i] == '-' && i + 1 < length && is_digit(text[i + 1]);
    int64_t value = 0;
    for (i += (size_t)negative; i < length && is_digit(text[i]); i++)
        value = value > UINT32_MAX ? value : value * 10 + (text[i] - '0');
    if (i < length && !is_space(text[i]))
        return fail(fault, FSEG_BAD_CHARACTER, i, (unsigned char)text[i], 0);
    if (value > UINT32_MAX)
        return fail(fault, FSEG_BAD_NUMBER, first, 0, UINT32_MAX);
    *number = negative ? -value : value;
    *at = i;
    return FSEG_OK;
}

static size_t skip_space(const char *text, size_t length, size_t at)
{
    while (at < length && is_space(text[at]))
        at++;
    return at;
}

fseg_status fseg_parse_kaggle(const char *text, size_t length, uint32_t base, uint32_t area,
                              uint32_t *counts, size_t capacity, size_t *runs, fseg_fault *fault)
{
    fseg_status status;
    size_t n = 0, tokens = 0;
    int64_t end = 0; /* pixels up to the end of the last run */
    size_t at = skip_space(text, length, 0);
    while (at < length) {
        size_t start_at = at;
        int64_t start, run;
        if ((status = parse_number(text, length, &at, &start, fault)) != FSEG_OK)
            return status;
        if (start < base)
            return fail(fault, FSEG_BAD_START, start_at, start, base);
        if (start - base < end)
            return fail(fault, FSEG_OVERLAP, start_at, start, end + base);
        tokens++;
        at = skip_space(text, length, at);
        if (at == length)
            return fail(fault, FSEG_ODD_TOKENS, at, (int64_t)tokens, (int64_t)tokens + 1);
        size_t run_at = at;
        if ((status = parse_number(text, length, &at, &run, fault)) != FSEG_OK)
            return status;
        if (run < 1)
            return fail(fault, FSEG_BAD_RUN, run_at, run, 1);
        if (start - base + run > area)
            return fail(fault, FSEG_TOO_LONG, start_at, start - base + run, area);
        tokens++;
        at = skip_space(text, length, at);
        if (n && start - base == end) {
            counts[n - 1] += (uint32_t)run;
        } else {
            if (capacity - n < 2)
                return fail(fault, FSEG_CHANGED, start_at, (int64_t)n + 2, (int64_t)capacity);
            counts[n++] = (uint32_t)(start - base - end);
            counts[n++] = (uint32_t)run;
        }
        end = start - base + run;
    }
    if (!n || end < area) {
        if (n == capacity)
            return fail(fault, FSEG_CHANGED, at, (int64_t)n + 1, (int64_t)capacity);
        counts[n++] = (uint32_t)(area - end);
    }
    *runs = n;
    return FSEG_OK;
}

static size_t decimal_length(uint64_t number)
{
    size_t length = 1;
    for (uint64_t limit = 10; number >= limit && length < 20; limit *= 10)
        length++;
    return length;
}

size_t fseg_kaggle_length(const uint32_t *counts, size_t runs, uint32_t base)
{
    size_t length = 0;
    uint64_t start = base;
    for (size_t i = 0; i < runs; i++) {
        if (i & 1)
            length += decimal_length(start) + decimal_length(counts[i]) + 2;
        start += counts[i];
    }
    return length ? length - 1 : 0;
}

/* Write `number` at `at`, after a space unless it is the first; return where it ends, or over
 * `length` when there is no room. */
static size_t write_number(uint64_t number, char *text, size_t length, size_t at)
{
    size_t end = at + (at != 0) + decimal_length(number);
    if (end > length)
        return length + 1;
    if (at)
        text[at] = ' ';
    size_t digit = end;
    do
        text[--digit] = (char)('0' + number % 10);
    while (number /= 10);
    return end;
}

fseg_status fseg_write_kaggle(const uint32_t *counts, size_t runs, uint32_t base, char *text,
                              size_t length, fseg_fault *fault)
{
    size_t at = 0;
    uint64_t start = base;
    for (size_t i = 0; i < runs; i++) {
        uint32_t run = counts[i];
        if (i & 1) {
            at = write_number(start, text, length, at);
            if (at <= length)
                at = write_number(run, text, length, at);
            if (at > length)
                return fail(fault, FSEG_CHANGED, i, (int64_t)at, (int64_t)length);
        }
        start += run;
    }
    if (at != length)
        return fail(fault, FSEG_CHANGED, runs, (int64_t)at, (int64_t)length);
    return FSEG_OK;
}

size_t fseg_coco_runs(const char *text, size_t length)
{
    size_t runs = 0;
    for (size_t i = 0; i < length; i++)
        runs += ((unsigned char)(text[i] - '0') & 0x20) == 0;
    return runs;
}

fseg_status fseg_parse_coco(const char *text, size_t length, uint32_t area, uint32_t *counts,
                            size_t runs, fseg_fault *fault)
{
    size_t n = 0, at = 0;
    int64_t sum = 0;
    while (at < length) {
        size_t first = at;
        uint64_t bits = 0;
        unsigned group = 0, before;
        int groups = 0;
        do {
            if (at == length)
                return fail(fault, FSEG_TRUNCATED, first, groups, groups + 1);
            before = group;
            group = (unsigned char)text[at] - (unsigned)'0';
            if (group > 0x3f)
                return fail(fault, FSEG_BAD_CHARACTER, at, (unsigned char)text[at], 0);
            if (groups == MOST_GROUPS)
                return fail(fault, FSEG_OVERLONG, first, groups + 1, MOST_GROUPS);
            bits |= (uint64_t)(group & 0x1f) << (5 * groups++);
            at++;
        } while (group & 0x20);
        if (groups > 1 && group == (before & 0x10 ? 0x1fu : 0u))
            return fail(fault, FSEG_OVERLONG, first, groups, groups - 1);
        int64_t run = (int64_t)bits - (group & 0x10 ? (int64_t)1 << (5 * groups) : 0);
        if (n >= runs)
            return fail(fault, FSEG_CHANGED, first, (int64_t)n + 1, (int64_t)runs);
        if (n > 2)
            run += counts[n - 2];
        if (run < (n > 0))
            return fail(fault, FSEG_BAD_RUN, first, run, n > 0);
        sum += run;
        if (sum > area)
            return fail(fault, FSEG_TOO_LONG, first, sum, area);
        counts[n++] = (uint32_t)run;
    }
    if (!n)
        return fail(fault, FSEG_NO_RUNS, 0, 0, area);
    if (sum < area)
        return fail(fault, FSEG_TOO_SHORT, length, sum, area);
    return FSEG_OK;
}

/* What COCO writes for a run. */
static int64_t difference(const uint32_t *counts, size_t i)
{
    return (int64_t)counts[i] - (i > 2 ? (int64_t)counts[i - 2] : 0);
}

/* One group, and what is left of the number after it. */
static unsigned next_group(int64_t *number)
{
    unsigned group = (unsigned)(*number & 0x1f);
    /* Shifted as a floor: >> of a negative number is left to the compiler. */
    *number = (*number - (int64_t)group) / 32;
    /* No more if the rest is the sign that the group shows, 0 or -1; signs come at random, so a
     * branch on them would cost. */
    int more = *number != -(int64_t)(group >> 4);
    return group | (unsigned)more << 5;
}

size_t fseg_coco_length(const uint32_t *counts, size_t runs)
{
    size_t length = 0;
    for (size_t i = 0; i < runs; i++) {
        int64_t number = difference(counts, i);
        do
            length++;
        while (next_group(&number) & 0x20);
    }
    return length;
}

fseg_status fseg_write_coco(const uint32_t *counts, size_t runs, char *text, size_t length,
                            fseg_fault *fault)
{
    size_t at = 0;
    for (size_t i = 0; i < runs; i++) {
        int64_t number = difference(counts, i);
        unsigned group;
        do {
            if (at == length)
                return fail(fault, FSEG_CHANGED, i, (int64_t)at + 1, (int64_t)length);
            group = next_group(&number);
            text[at++] = (char)('0' + group);
        } while (group & 0x20);
    }
    if (at != length)
        return fail(fault, FSEG_CHANGED, runs, (int64_t)at, (int64_t)length);
    return FSEG_OK;
}
