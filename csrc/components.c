/* Connected components of a mask, by spans: the runs, cut at the ends of lines.
 *
 * Spans of neighbouring lines are walked side by side. `labels` holds first, for each span, an
 * earlier one of its component or itself (a forest whose roots are the first spans), then, in one
 * more pass, the numbers. */
#include "faceseg.h"
#include "portable.h"

size_t fseg_spans(const uint32_t *counts, size_t runs, size_t length)
{
    size_t spans = 0;
    uint64_t position = 0; /* in a line */
    for (size_t i = 0; i < runs; i++) {
        uint64_t end = position + counts[i];
        uint64_t crossed = 0;
        if (end >= length && length) {
            crossed = end < 2 * (uint64_t)length ? 1 : end / length;
            end -= crossed * length;
        }
        if (i & 1)
            spans += (size_t)(crossed + (end != 0));
        position = end;
    }
    return spans;
}

static inline uint32_t find_root(uint32_t *labels, uint32_t span)
{
    while (labels[span] != span) {
        labels[span] = labels[labels[span]];
        span = labels[span];
    }
    return span;
}

static inline void join(uint32_t *labels, uint32_t a, uint32_t b)
{
    a = find_root(labels, a);
    b = find_root(labels, b);
    if (a < b)
        labels[b] = a;
    else
        labels[a] = b;
}

/* What is known of the lines so far: spans [above, here) are those of the line before, of which the
 * ones before `next` end too early for what is still to come; [here, n) those of this line. */
typedef struct {
    fseg_span *spans;
    uint32_t *labels;
    size_t above, next, here, n;
    uint64_t length;
    uint64_t reach; /* 1 if corners connect */
} sweep;

static inline void new_line(sweep *at, int adjacent)
{
    at->above = at->next = adjacent ? at->here : at->n;
    at->here = at->n;
}

/* Add a span of the current line. */
static inline void add_span(sweep *at, uint64_t start, uint64_t pixels)
{
    uint32_t self = (uint32_t)at->n;
    uint64_t low = start - at->reach, high = start + pixels + at->reach, length = at->length;
    const fseg_span *spans = at->spans;
    uint32_t label = self;
    while (at->next < at->here) {
        uint64_t from = spans[at->next].start + length, end = from + spans[at->next].length;
        if (end > low) {
            if (from >= high)
                break;
            if (label == self)
                label = at->labels[at->next];
            else if (at->labels[at->next] != label)
                join(at->labels, label, (uint32_t)at->next);
            if (end >= high) /* it may reach the next span of this line, too */
                break;
        }
        at->next++;
    }
    at->spans[self] = (fseg_span){(uint32_t)start, (uint32_t)pixels};
    at->labels[self] = label;
    at->n++;
}

/* Number the roots from 0, and let every span have the number of its root. */
static size_t number(uint32_t *labels, size_t n)
{
    uint32_t components = 0;
    for (size_t i = 0; i < n; i++)
        labels[i] = labels[i] == i ? components++ : labels[labels[i]];
    return components;
}

size_t fseg_components(const uint32_t *counts, size_t runs, size_t length, int connectivity,
                       fseg_span *spans, uint32_t *labels)
{
    sweep at = {.spans = spans, .labels = labels, .length = length, .reach = connectivity == 8};
    uint64_t start = 0, line_end = length; /* of the line that holds `start` */
    for (size_t i = 0; i < runs; i++) {
        uint64_t end = start + counts[i];
        if (i & 1)
            for (; end > line_end; start = line_end, line_end += length) {
                add_span(&at, start, line_end - start);
                new_line(&at, 1);
            }
        if (i & 1)
            add_span(&at, start, end - start);
        if (end >= line_end && length) {
            uint64_t crossed = end < line_end + length ? 1 : (end - line_end) / length + 1;
            line_end += crossed * length;
            new_line(&at, crossed == 1);
        }
        start = end;
    }
    return number(labels, at.n);
}

void fseg_component_runs(const fseg_span *spans, const uint32_t *labels, size_t n,
                         size_t components, uint32_t area, uint32_t *result, size_t *starts,
                         size_t *runs)
{
    for (size_t k = 0; k < components; k++)
        runs[k] = 1;
    for (size_t i = 0; i < n; i++)
        runs[labels[i]] += 2;
    size_t room = 0;
    for (size_t k = 0; k < components; k++) {
        starts[k] = room;
        room += runs[k];
        result[room - 1] = 0; /* where the last span ended, until the last run */
        runs[k] = 0;
    }
    for (size_t i = 0; i < n; i++) {
        size_t k = labels[i];
        uint32_t *counts = result + starts[k] + runs[k];
        uint32_t *end = result + (k + 1 < components ? starts[k + 1] : room) - 1;
        if (runs[k] && *end == spans[i].start) {
            counts[-1] += spans[i].length;
        } else {
            counts[0] = spans[i].start - *end;
            counts[1] = spans[i].length;
            runs[k] += 2;
        }
        *end = spans[i].start + spans[i].length;
    }
    for (size_t k = 0; k < components; k++) {
        uint32_t end = result[(k + 1 < components ? starts[k + 1] : room) - 1];
        if (end != area)
            result[starts[k] + runs[k]++] = area - end;
    }
}
