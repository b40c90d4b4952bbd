/* Merging with vectors: the changes of two masks are sorted together, then filtered.
 *
 * Windows of the changes of both are expanded to keys and merged as far as both windows reach. The
 * tags of the sorted keys then tell, as bits of words, both masks' pixels after each change, thus
 * which changes the result has. Nothing branches on the masks but the choice of windows, so noise
 * costs what smooth outlines cost.
 *
 * Each instruction set includes this once, after it defined MERGE_TARGET and
 *   expand_runs, expand_positions   n changes to keys
 *   merge_keys                      two ascending lists of keys to one
 *   filter_keys                     sorted keys to the positions of the result's changes
 *   sum_keys                        sorted keys to the pixels in common
 *   to_runs                         positions to runs */

/* Changes in a window: the keys of two, and sorted, take 16 KiB. */
enum { WINDOW = 1024 };

/* A mask that is read window by window. */
typedef struct {
    fseg_changes after; /* the window */
    uint32_t tag;
    uint32_t at;          /* position of the last change in the window */
    const uint32_t *next; /* keys of the window that are not merged yet */
    const uint32_t *end;
    uint32_t *window; /* NULL if the keys are all there */
} source;

typedef struct {
    _Alignas(64) uint32_t a[FSEG_KEYS_BEFORE + WINDOW + FSEG_KEYS_BEHIND];
    _Alignas(64) uint32_t b[FSEG_KEYS_BEFORE + WINDOW + FSEG_KEYS_BEHIND];
    _Alignas(64) uint32_t sorted[2 * WINDOW + FSEG_KEYS_BEHIND];
} buffers;

MERGE_TARGET static source open_source(fseg_changes changes, uint32_t tag, uint32_t *window)
{
    source s = {changes, tag, 0, 0, 0, window + FSEG_KEYS_BEFORE};
    memset(window, 0, FSEG_KEYS_BEFORE * sizeof *window);
    s.next = s.end = s.window;
    return s;
}

MERGE_TARGET static source open_keys(const uint32_t *keys, size_t n)
{
    source s = {{keys, n, FSEG_POSITIONS}, 0, 0, keys, keys, 0};
    return s;
}

MERGE_TARGET static void refill(source *s)
{
    size_t n = least(s->after.changes, WINDOW);
    if (s->next != s->end || !n)
        return;
    if (s->window) {
        s->at = s->after.form == FSEG_RUNS
                    ? expand_runs(s->after.values, n, s->at, s->tag, s->window)
                    : expand_positions(s->after.values, n, s->tag, s->window);
        memset(s->window + n, 0xff, FSEG_KEYS_BEHIND * sizeof *s->window);
        s->next = s->end = s->window;
    }
    s->end += n;
    s->after.values += n;
    s->after.changes -= n;
}

MERGE_TARGET static uint32_t area_of(const source *s)
{
    return *s->after.values + (s->after.form == FSEG_RUNS ? s->at : 0);
}

/* Number of n ascending keys that are below a bound. */
MERGE_TARGET static inline size_t count_below(const uint32_t *keys, size_t n, uint32_t bound)
{
    size_t from = 0;
    while (n > 1) {
        size_t half = n / 2;
        from += keys[from + half - 1] < bound ? half : 0;
        n -= half;
    }
    return from + (n && keys[from] < bound);
}

typedef struct {
    const uint32_t *keys;
    size_t a_n;
    size_t b_n;
} stretch;

/* Sort the next keys of both masks, all those before some position; none at the end. */
MERGE_TARGET static inline stretch next_stretch(source *a, source *b, uint32_t *sorted)
{
    enum { FAR = 64 };
    refill(a);
    refill(b);
    size_t a_n = (size_t)(a->end - a->next), b_n = (size_t)(b->end - b->next);
    if (a_n && b_n) {
        /* The keys of position p are 2 * p and 2 * p + 1, in a and in b. */
        uint32_t a_first = a->next[0], a_last = a->end[-1], a_far = a->next[least(a_n, FAR) - 1];
        uint32_t b_first = b->next[0], b_last = b->end[-1], b_far = b->next[least(b_n, FAR) - 1];
        uint32_t bound = UINT32_MAX;
        if (a_far < b_first - 1) {
            bound = b_first - 1;
        } else if (b_far < a_first) {
            bound = a_first;
        } else {
            if (a->after.changes || (b_n > FAR && b->end[-FAR] > a_last + 1))
                bound = a_last + 2;
            if ((b->after.changes || (a_n > FAR && a->end[-FAR] > b_last)) && b_last + 1 < bound)
                bound = b_last + 1;
        }
        if (bound != UINT32_MAX) {
            a_n = count_below(a->next, a_n, bound);
            b_n = count_below(b->next, b_n, bound);
        }
    }
    stretch s = {sorted, a_n, b_n};
    if (a_n && b_n) {
        merge_keys(a->next, a_n, b->next, b_n, sorted);
        sorted[a_n + b_n] = UINT32_MAX;
    } else {
        s.keys = a_n ? a->next : b->next;
    }
    a->next += a_n;
    b->next += b_n;
    return s;
}

MERGE_TARGET static inline int is_over(const source *s)
{
    return s->next == s->end && !s->after.changes;
}

/* Whether the result cannot change any more: one mask is over, and the other's pixels make no
 * difference, or it is over too. */
MERGE_TARGET static inline int is_settled(fseg_operation operation, const source *a,
                                          const source *b, const pixels *now)
{
    const uint64_t ones = ~UINT64_C(0);
    int a_over = is_over(a), b_over = is_over(b);
    return (a_over && b_over)
           || (a_over && fseg_apply(operation, now->a, 0) == fseg_apply(operation, now->a, ones))
           || (b_over && fseg_apply(operation, 0, now->b) == fseg_apply(operation, ones, now->b));
}

/* Follow a stretch of one mask while the other's pixels make no difference. */
MERGE_TARGET static inline int skip(fseg_operation operation, const stretch *s, pixels *now)
{
    const uint64_t ones = ~UINT64_C(0);
    if (s->a_n && s->b_n)
        return 0;
    if (s->a_n && fseg_apply(operation, 0, now->b) != fseg_apply(operation, ones, now->b))
        return 0;
    if (s->b_n && fseg_apply(operation, now->a, 0) != fseg_apply(operation, now->a, ones))
        return 0;
    now->a ^= 0 - (uint64_t)(s->a_n & 1);
    now->b ^= 0 - (uint64_t)(s->b_n & 1);
    return 1;
}

MERGE_TARGET static size_t merge(fseg_operation operation, fseg_changes a, fseg_changes b,
                                 fseg_form to, uint32_t *result)
{
    buffers buffer;
    source x = open_source(a, 0, buffer.a), y = open_source(b, 1, buffer.b);
    pixels now = {0, 0, 0};
    uint32_t last = 0;
    size_t changes = 0;
    while (!is_settled(operation, &x, &y, &now)) {
        stretch s = next_stretch(&x, &y, buffer.sorted);
        if (x.at > FSEG_LAST_KEY_POSITION || y.at > FSEG_LAST_KEY_POSITION)
            return FSEG_TOO_FAR;
        if (skip(operation, &s, &now))
            continue;
        size_t n = filter_keys(operation, s.keys, s.a_n + s.b_n, &now, result + changes);
        if (n && to == FSEG_RUNS) {
            uint32_t end = result[changes + n - 1];
            to_runs(result + changes, n, last);
            last = end;
        }
        changes += n;
    }
    result[changes] = area_of(x.after.changes ? &y : &x) - last;
    return changes;
}

/* Pixels in common, and whether all positions had keys. */
MERGE_TARGET static int sum_sources(source *a, source *b, uint32_t *sorted, pixels *now,
                                    uint32_t *in_common)
{
    *in_common = 0;
    while (!is_settled(FSEG_AND, a, b, now)) {
        stretch s = next_stretch(a, b, sorted);
        if (a->at > FSEG_LAST_KEY_POSITION || b->at > FSEG_LAST_KEY_POSITION)
            return 0;
        if (!skip(FSEG_AND, &s, now))
            *in_common += sum_keys(s.keys, s.a_n + s.b_n, now);
    }
    return 1;
}

MERGE_TARGET static uint64_t intersection(const uint32_t *a, size_t a_runs, const uint32_t *b,
                                          size_t b_runs)
{
    buffers buffer;
    fseg_changes a_changes = {a, a_runs - 1, FSEG_RUNS}, b_changes = {b, b_runs - 1, FSEG_RUNS};
    source x = open_source(a_changes, 0, buffer.a), y = open_source(b_changes, 1, buffer.b);
    pixels now = {0, 0, 0};
    uint32_t in_common;
    if (!sum_sources(&x, &y, buffer.sorted, &now, &in_common))
        return FSEG_TOO_FAR;
    /* If both end with foreground, both were read to the end. */
    return now.result ? in_common + area_of(&x) : in_common;
}

MERGE_TARGET static uint32_t intersection_of_keys(const uint32_t *a, size_t a_n, const uint32_t *b,
                                                  size_t b_n, uint32_t area)
{
    _Alignas(64) uint32_t sorted[2 * WINDOW + FSEG_KEYS_BEHIND];
    /* Where one mask is over, or has not begun, the other one's changes do not matter. */
    uint32_t a_last = a[a_n - 1], b_last = b[b_n - 1];
    size_t a_skipped = 0, b_skipped = 0;
    if (a_n % 2 == 0 && a_last < b_last)
        b_n = count_below(b, b_n, a_last);
    else if (b_n % 2 == 0 && b_last < a_last)
        a_n = count_below(a, a_n, b_last);
    if (a[0] < b[0])
        a_skipped = count_below(a, a_n, b[0]);
    else
        b_skipped = count_below(b, b_n, a[0]);
    source x = open_keys(a + a_skipped, a_n - a_skipped);
    source y = open_keys(b + b_skipped, b_n - b_skipped);
    pixels now = {0 - (uint64_t)(a_skipped & 1), 0 - (uint64_t)(b_skipped & 1), 0};
    uint32_t in_common;
    sum_sources(&x, &y, sorted, &now, &in_common);
    return now.result ? in_common + area : in_common;
}

MERGE_TARGET static void keys(const uint32_t *counts, size_t runs, uint32_t tag, uint32_t *to)
{
    expand_runs(counts, runs - 1, 0, tag, to);
    memset(to + runs - 1, 0xff, FSEG_KEYS_BEHIND * sizeof *to);
}
