/* Runs <-> text, Kaggle's and COCO's: what steers the loops, and the checked reading, which says
 * what is wrong. */
#include "dispatch.h"
#include "faceseg.h"
#include "status.h"

#include <string.h>

enum {
    MOST_GROUPS = 7, /* a difference of two uint32 has 33 bits and a sign to show */
    CHUNK = 2048,    /* characters, so that what a loop leaves is in the nearest cache */
    WORTHWHILE = 64, /* characters */
    FEWEST_APART = 8,
    MOST_APART = 1024,
    ROOM = FSEG_TEXT_BEHIND + 3 * FSEG_TEXT_AHEAD
};

/* How far a text has been read. All before `at` is valid and in `counts`. */
typedef struct {
    const char *text;
    size_t length;
    uint32_t *counts;
    size_t runs;
    size_t at;
    size_t tokens; /* Kaggle: numbers before `at` */
    int64_t end;   /* pixels before the next run */
    int64_t base;
    int64_t area;
    int refused; /* a loop has seen that something is wrong after `at` */
} text_reader;

/* How much to read one by one before a loop is tried again: more each time that it read next to
 * nothing, so that it costs little in a text that it cannot read. */
static size_t next_apart(size_t apart, size_t looped)
{
    if (looped >= WORTHWHILE || apart < FEWEST_APART)
        return FEWEST_APART;
    return apart < MOST_APART ? 2 * apart : apart;
}

/* The rest of the text as a loop may load it: where it lies or, near its end, copied; `*length` is
 * how much of it to read. FSEG_TEXT_BEHIND characters have been read: a pair, or as many runs. */
static const char *rest(const text_reader *reader, char *copy, size_t *length)
{
    const char *text = reader->text + reader->at;
    *length = reader->length - reader->at;
    if (*length >= 2 * FSEG_TEXT_AHEAD) {
        *length -= FSEG_TEXT_AHEAD;
        *length = *length < CHUNK ? *length : CHUNK;
        return text;
    }
    memcpy(copy, text - FSEG_TEXT_BEHIND, FSEG_TEXT_BEHIND + *length);
    memset(copy + FSEG_TEXT_BEHIND + *length, '0', FSEG_TEXT_AHEAD);
    return copy + FSEG_TEXT_BEHIND;
}

/* --- Kaggle ----------------------------------------------------------------------------------- */

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
static fseg_status read_number(const char *text, size_t length, size_t *at, int64_t *number,
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

/* Read a start and a length; `at` is no space, neither before nor after. */
static fseg_status read_pair(text_reader *reader, fseg_fault *fault)
{
    fseg_status status;
    size_t start_at = reader->at, length_at, at = start_at;
    int64_t start, length;
    if ((status = read_number(reader->text, reader->length, &at, &start, fault)) != FSEG_OK)
        return status;
    if (start < reader->base)
        return fail(fault, FSEG_BAD_START, start_at, start, reader->base);
    start -= reader->base;
    if (start < reader->end)
        return fail(fault, FSEG_OVERLAP, start_at, start + reader->base,
                    reader->end + reader->base);
    length_at = at = skip_space(reader->text, reader->length, at);
    if (at == reader->length)
        return fail(fault, FSEG_ODD_TOKENS, at, (int64_t)reader->tokens + 1,
                    (int64_t)reader->tokens + 2);
    if ((status = read_number(reader->text, reader->length, &at, &length, fault)) != FSEG_OK)
        return status;
    if (length < 1)
        return fail(fault, FSEG_BAD_RUN, length_at, length, 1);
    if (start + length > reader->area)
        return fail(fault, FSEG_TOO_LONG, start_at, start + length, reader->area);
    if (reader->runs && start == reader->end) {
        reader->counts[reader->runs - 1] += (uint32_t)length;
    } else {
        reader->counts[reader->runs++] = (uint32_t)(start - reader->end);
        reader->counts[reader->runs++] = (uint32_t)length;
    }
    reader->end = start + length;
    reader->tokens += 2;
    reader->at = skip_space(reader->text, reader->length, at);
    return FSEG_OK;
}

/* Read pairs as far as the loops do. */
static void loop_kaggle(text_reader *reader)
{
    uint16_t firsts[CHUNK / 2 + FSEG_SLACK];
    char copy[ROOM];
    const fseg_text_loops *loops = fseg_active->text;
    size_t seen, chunk, pairs = 1;
    for (int all = 1; all && pairs && reader->at < reader->length;) {
        const char *text = rest(reader, copy, &chunk);
        firsts[0] = 0;
        size_t numbers = loops->find_numbers(text, chunk, firsts, &seen);
        int finished = reader->at + seen == reader->length;
        if (finished)
            firsts[numbers] = (uint16_t)(seen + (text[seen - 1] != ' '));
        else if (numbers)
            numbers--; /* where it ends is not known */
        for (size_t i = numbers; i < numbers + 8; i++)
            firsts[i + 1] = (uint16_t)(firsts[i] + 2);
        uint64_t end = (uint64_t)(reader->end + reader->base);
        pairs = loops->read_pairs(text, firsts, numbers / 2, &end, reader->counts + reader->runs);
        if ((int64_t)end - reader->base > reader->area) {
            reader->refused = 1;
            return;
        }
        all = seen == chunk && pairs == numbers / 2;
        reader->at += finished && 2 * pairs == numbers ? seen : firsts[2 * pairs];
        reader->end = (int64_t)end - reader->base;
        reader->runs += 2 * pairs;
        reader->tokens += 2 * pairs;
    }
}

fseg_status fseg_parse_kaggle(const char *text, size_t length, uint32_t base, uint32_t area,
                              uint32_t *counts, size_t *runs, fseg_fault *fault)
{
    text_reader reader = {
        .text = text, .length = length, .counts = counts, .base = base, .area = area};
    reader.at = skip_space(text, length, 0);
    for (size_t apart = 1; reader.at < length;) {
        for (size_t i = 0; i < apart && reader.at < length; i++) {
            fseg_status status = read_pair(&reader, fault);
            if (status != FSEG_OK)
                return status;
        }
        size_t before = reader.at;
        if (!reader.refused)
            loop_kaggle(&reader);
        apart = next_apart(apart, reader.at - before);
        reader.at = skip_space(text, length, reader.at);
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

/* --- COCO ------------------------------------------------------------------------------------- */

size_t fseg_coco_numbers(const char *text, size_t length)
{
    return fseg_active->text->coco_numbers(text, length);
}

/* Read a number and add it to what it is the difference from. */
static fseg_status read_run(text_reader *reader, fseg_fault *fault)
{
    size_t first = reader->at, at = first, n = reader->runs;
    uint64_t bits = 0;
    unsigned group = 0, before;
    int groups = 0;
    do {
        if (at == reader->length)
            return fail(fault, FSEG_TRUNCATED, first, groups, groups + 1);
        before = group;
        group = (unsigned char)reader->text[at] - (unsigned)'0';
        if (group > 0x3f)
            return fail(fault, FSEG_BAD_CHARACTER, at, (unsigned char)reader->text[at], 0);
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
    if (reader->end + run > reader->area)
        return fail(fault, FSEG_TOO_LONG, first, reader->end + run, reader->area);
    reader->end += run;
    reader->counts[reader->runs++] = (uint32_t)run;
    reader->at = at;
    return FSEG_OK;
}

/* Read runs, but not the first, as far as the loops do. */
static void loop_coco(text_reader *reader)
{
    char copy[ROOM];
    const fseg_text_loops *loops = fseg_active->text;
    size_t numbers = 1, chunk, used;
    while (numbers && reader->at < reader->length) {
        const char *text = rest(reader, copy, &chunk);
        uint32_t *counts = reader->counts + reader->runs;
        uint32_t before[2] = {reader->runs > 2 ? counts[-2] : 0, reader->runs > 1 ? counts[-1] : 0};
        uint64_t sum;
        numbers = loops->read_groups(text, chunk, counts, &used);
        if (!loops->add_up(counts, numbers, before, &sum)
            || sum > (uint64_t)(reader->area - reader->end)) {
            reader->refused = 1;
            return;
        }
        reader->at += used;
        reader->end += (int64_t)sum;
        reader->runs += numbers;
    }
}

fseg_status fseg_parse_coco(const char *text, size_t length, uint32_t area, uint32_t *counts,
                            size_t *runs, fseg_fault *fault)
{
    text_reader reader = {.text = text, .length = length, .counts = counts, .area = area};
    for (size_t apart = FSEG_TEXT_BEHIND; reader.at < length;) {
        for (size_t i = 0; i < apart && reader.at < length; i++) {
            fseg_status status = read_run(&reader, fault);
            if (status != FSEG_OK)
                return status;
        }
        size_t before = reader.at;
        if (!reader.refused)
            loop_coco(&reader);
        apart = next_apart(apart, reader.at - before);
    }
    if (!reader.runs)
        return fail(fault, FSEG_NO_RUNS, 0, 0, area);
    if (reader.end < area)
        return fail(fault, FSEG_TOO_SHORT, length, reader.end, area);
    *runs = reader.runs;
    return FSEG_OK;
}

size_t fseg_write_coco(const uint32_t *counts, size_t runs, char *text)
{
    return fseg_active->text->write_coco(counts, runs, text);
}
