/* Runs <-> text, Kaggle's and COCO's: checks, and the reading that words faults. */
#include "dispatch.h"
#include "faceseg.h"
#include "status.h"

enum {
    MOST_GROUPS = 7,   /* a difference of two uint32 has 33 bits and a sign to show */
    NUMBERS_APART = 16 /* numbers read one by one before the loop is tried again */
};

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
    return fseg_active->text->kaggle_tokens(text, length);
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

static void skip_space(fseg_reader *reader)
{
    while (reader->at < reader->length && is_space(reader->text[reader->at]))
        reader->at++;
}

/* Read a start and a length; no space is before them, and none will be after them. */
static fseg_status read_pair(fseg_reader *reader, fseg_fault *fault)
{
    fseg_status status;
    size_t start_at = reader->at, at = start_at;
    int64_t start, run, base = (int64_t)reader->base, end = (int64_t)reader->end;
    if ((status = parse_number(reader->text, reader->length, &at, &start, fault)) != FSEG_OK)
        return status;
    if (start < base)
        return fail(fault, FSEG_BAD_START, start_at, start, base);
    if (start - base < end)
        return fail(fault, FSEG_OVERLAP, start_at, start, end + base);
    reader->at = at;
    reader->tokens++;
    skip_space(reader);
    at = reader->at;
    if (at == reader->length)
        return fail(fault, FSEG_ODD_TOKENS, at, (int64_t)reader->tokens,
                    (int64_t)reader->tokens + 1);
    size_t run_at = at;
    if ((status = parse_number(reader->text, reader->length, &at, &run, fault)) != FSEG_OK)
        return status;
    if (run < 1)
        return fail(fault, FSEG_BAD_RUN, run_at, run, 1);
    if (start - base + run > (int64_t)reader->area)
        return fail(fault, FSEG_TOO_LONG, start_at, start - base + run, (int64_t)reader->area);
    if (reader->runs && start - base == end) {
        reader->counts[reader->runs - 1] += (uint32_t)run;
    } else {
        reader->counts[reader->runs++] = (uint32_t)(start - base - end);
        reader->counts[reader->runs++] = (uint32_t)run;
    }
    reader->at = at;
    reader->tokens++;
    reader->end = (uint64_t)(start - base + run);
    skip_space(reader);
    return FSEG_OK;
}

fseg_status fseg_parse_kaggle(const char *text, size_t length, uint32_t base, uint32_t area,
                              uint32_t *counts, size_t *runs, fseg_fault *fault)
{
    fseg_reader reader = {
        .text = text, .length = length, .counts = counts, .area = area, .base = base};
    skip_space(&reader);
    while (reader.at < length) {
        fseg_active->text->read_kaggle(&reader);
        skip_space(&reader);
        for (int i = 0; i < NUMBERS_APART && reader.at < length; i += 2) {
            fseg_status status = read_pair(&reader, fault);
            if (status != FSEG_OK)
                return status;
        }
    }
    if (!reader.runs || reader.end < area)
        counts[reader.runs++] = (uint32_t)(area - reader.end);
    *runs = reader.runs;
    return FSEG_OK;
}

size_t fseg_write_kaggle(const uint32_t *counts, size_t runs, uint32_t base, char *text)
{
    return fseg_active->text->write_kaggle(counts, runs, base, text);
}

size_t fseg_coco_numbers(const char *text, size_t length)
{
    return fseg_active->text->coco_numbers(text, length);
}

/* Read one number and the run it gives. */
static fseg_status read_groups(fseg_reader *reader, fseg_fault *fault)
{
    const char *text = reader->text;
    size_t first = reader->at, at = first, n = reader->runs;
    uint64_t bits = 0;
    unsigned group = 0, before;
    int groups = 0;
    do {
        if (at == reader->length)
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
    if (n > 2)
        run += reader->counts[n - 2];
    if (run < (n > 0))
        return fail(fault, FSEG_BAD_RUN, first, run, n > 0);
    int64_t end = (int64_t)reader->end + run;
    if (end > (int64_t)reader->area)
        return fail(fault, FSEG_TOO_LONG, first, end, (int64_t)reader->area);
    reader->end = (uint64_t)end;
    reader->counts[reader->runs++] = (uint32_t)run;
    reader->at = at;
    return FSEG_OK;
}

fseg_status fseg_parse_coco(const char *text, size_t length, uint32_t area, uint32_t *counts,
                            size_t *runs, fseg_fault *fault)
{
    fseg_reader reader = {.text = text, .length = length, .counts = counts, .area = area};
    while (reader.at < length) {
        if (reader.runs > 2)
            fseg_active->text->read_coco(&reader);
        for (int i = 0; i < NUMBERS_APART && reader.at < length; i++) {
            fseg_status status = read_groups(&reader, fault);
            if (status != FSEG_OK)
                return status;
        }
    }
    if (!reader.runs)
        return fail(fault, FSEG_NO_RUNS, 0, 0, area);
    if (reader.end < area)
        return fail(fault, FSEG_TOO_SHORT, length, (int64_t)reader.end, area);
    *runs = reader.runs;
    return FSEG_OK;
}

size_t fseg_write_coco(const uint32_t *counts, size_t runs, char *text)
{
    return fseg_active->text->write_coco(counts, runs, text);
}
