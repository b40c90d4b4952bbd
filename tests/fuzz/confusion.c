/* Counts of true and predicted pixels, in every version, against a walk over the pixels. */
#include "fuzz.h"

#include <math.h>
#include <string.h>

enum {
    MOST_CLASSES = 256,
    MOST_ELEMENTS = 24000, /* of all classes: what a walk over them may take */
    MOST_COMPARISONS = 1 << 18,
    BEFORE = 1000 /* what the counts were before: pixels are added to them */
};

/* Around the thresholds: equal, next to, far from them; denormals; no numbers, of either sign. */
static const uint16_t HALVES[] = {0x0000, 0x8000, 0x3800, 0x3801, 0x37ff, 0x2e66, 0x0001, 0x8001,
                                  0x03ff, 0x3c00, 0xbc00, 0x7bff, 0x7c00, 0xfc00, 0x7c01, 0xfe00};
static const uint16_t BRAINS[] = {0x0000, 0x8000, 0x3f00, 0x3f01, 0x3eff, 0x3dcd, 0x0001, 0x8001,
                                  0x007f, 0x3f80, 0xbf80, 0x7f7f, 0x7f80, 0xff80, 0x7f81, 0xffc0};
static const uint32_t FLOATS[] = {0x00000000, 0x80000000, 0x3f000000, 0x3f000001,
                                  0x3effffff, 0x3dcccccd, 0x00000001, 0x80000001,
                                  0x007fffff, 0x3f800000, 0xbf800000, 0x7f7fffff,
                                  0x7f800000, 0xff800000, 0x7f800001, 0xffc00000};
static const double DOUBLES[] = {0.0,      -0.0,    0.5,       0.5000000000000001, 0.49999999999999994,
                                 0.1,      5e-324,  -5e-324,   2e-308,             1.0,
                                 -1.0,     1e300,   INFINITY,  -INFINITY,          NAN,
                                 -NAN};
static const uint8_t NO_NUMBERS = 14; /* the place of the first of those */

static const double THRESHOLDS[] = {0.0,  0.5,       -0.0,      0.1, 0.10000000149011612, 1e-45, -3e38,
                                    -1.0, 1e300,     INFINITY,  -INFINITY,
                                    -1e300, 65504.0, 5e-324, 1.0, 0.33325195312500006};

static const int64_t IGNORED[] = {0, 1, 2, 5, 44, 127, 128, 255, 256, 300, -1, -100, INT64_MIN,
                                  INT64_MAX, INT64_C(1) << 32, 254};

static const int64_t FAR[] = {255, 256, 257, -1, -256, INT64_MAX, INT64_MIN, INT64_C(1) << 32,
                              (INT64_C(1) << 32) + 1, 300, -255, 65536, 128, 2, 16, 17};

static size_t size_of(fseg_type type)
{
    switch (type) {
    case FSEG_U8:
        return 1;
    case FSEG_F16:
    case FSEG_BF16:
        return 2;
    case FSEG_F32:
        return 4;
    default:
        return 8;
    }
}

/* The bytes that are left, over and over. */
typedef struct {
    fuzz_input all, left;
} tape;

static unsigned next(tape *bytes)
{
    if (!bytes->left.size)
        bytes->left = bytes->all;
    return fuzz_byte(&bytes->left);
}

/* Mostly few pixels; on both sides of what is taken at once, which is a page of bytes where they are
 * packed (`pages`). */
static size_t pixels_of(fuzz_input *input, int pages)
{
    static const size_t AROUND[] = {64, 512, 1024, 2048, 128, 576, 1536, 1088};
    unsigned kind = fuzz_byte(input), byte = fuzz_byte(input);
    if (kind < 180)
        return (kind & 1 ? byte : byte | kind << 8) % 400;
    if (kind < 250 || !pages)
        return AROUND[kind & 7] + byte % 67 - 33;
    return 16384 + byte % 131 - 65;
}

/* --- labels -------------------------------------------------------------------------------------- */

static int64_t label_at(const fseg_labels *labels, size_t i)
{
    return labels->type == FSEG_U8 ? ((const uint8_t *)labels->pixels)[i]
                                   : ((const int64_t *)labels->pixels)[i];
}

static int is_ignored(const fseg_labels *labels, size_t i)
{
    return labels->has_ignore && label_at(labels, i) == labels->ignore;
}

static void write_label(void *room, fseg_type type, size_t i, int64_t label)
{
    if (type == FSEG_U8)
        ((uint8_t *)room)[i] = (uint8_t)label;
    else
        ((int64_t *)room)[i] = label;
}

/* Labels under `classes`, if it is not 0, and ignored ones; in patches or pixel by pixel; one
 * somewhere may be any. */
static fseg_labels make_labels(fuzz_input *input, tape *bytes, size_t n, unsigned classes)
{
    unsigned options = fuzz_byte(input), which = fuzz_byte(input);
    fseg_labels labels = {NULL, options & 1 ? FSEG_I64 : FSEG_U8, options >> 1 & 1, 0};
    labels.ignore = which < 240 ? IGNORED[which & 15] : (int64_t)classes - 1 + (which & 1);
    size_t odd = labels.type == FSEG_U8 ? options >> 2 & 7 : options >> 2 & 1;
    uint8_t *room = fuzz_room((odd + n) * size_of(labels.type));
    int patches = options >> 5 & 1;
    size_t left = 0;
    int64_t label = 0;
    memset(room, 0xa5, odd * size_of(labels.type));
    room += odd * size_of(labels.type);
    for (size_t i = 0; i < n; i++) {
        if (!left) {
            unsigned byte = next(bytes);
            left = patches ? 1 + 3 * (byte & 63) : 1;
            label = patches ? byte >> 4 : byte;
            if (classes)
                label = (label + (patches ? (byte & 3) * 64 : 0)) % classes;
            else
                label = label & 1 ? FAR[label >> 1 & 15] : 0;
            if (labels.has_ignore && byte % 7 == 3)
                label = labels.ignore;
        }
        left--;
        write_label(room, labels.type, i, label);
    }
    if (options >> 6 == 3 && n) {
        size_t at = fuzz_pair(input) % n;
        unsigned far = fuzz_byte(input);
        write_label(room, labels.type, at, far & 16 ? (int64_t)classes : FAR[far & 15]);
    }
    labels.pixels = room;
    return labels;
}

/* --- values -------------------------------------------------------------------------------------- */

/* Fraction and exponent put together, for a type that has such halves. */
static double number_of(unsigned bits, unsigned fraction_bits, int bias)
{
    unsigned sign = bits >> 15, one = 1u << fraction_bits;
    unsigned exponent = (bits & 0x7fff) >> fraction_bits, fraction = bits & (one - 1);
    double size;
    if (exponent == 0x7fffu >> fraction_bits)
        size = fraction ? NAN : INFINITY;
    else if (exponent)
        size = ldexp(one + fraction, (int)exponent - bias - (int)fraction_bits);
    else
        size = ldexp(fraction, 1 - bias - (int)fraction_bits);
    return sign ? -size : size;
}

static double value_at(const fseg_values *values, ptrdiff_t i)
{
    switch (values->type) {
    case FSEG_F16:
        return number_of(((const uint16_t *)values->pixels)[i], 10, 15);
    case FSEG_BF16:
        return number_of(((const uint16_t *)values->pixels)[i], 7, 127);
    case FSEG_F32:
        return ((const float *)values->pixels)[i];
    default:
        return ((const double *)values->pixels)[i];
    }
}

/* One of the numbers that are in the table of a type. */
static void write_value(uint8_t *room, fseg_type type, size_t i, unsigned which)
{
    size_t size = size_of(type);
    switch (type) {
    case FSEG_F16:
        memcpy(room + i * size, &HALVES[which], size);
        return;
    case FSEG_BF16:
        memcpy(room + i * size, &BRAINS[which], size);
        return;
    case FSEG_F32:
        memcpy(room + i * size, &FLOATS[which], size);
        return;
    default:
        memcpy(room + i * size, &DOUBLES[which], size);
    }
}

/* How values are drawn, from a byte. */
typedef struct {
    fseg_type type;
    int any_bits; /* the bytes as they are, or what the tables have */
    int no_numbers;
    int probabilities;
} drawing;

static drawing drawing_of(unsigned byte)
{
    drawing how = {(fseg_type)(FSEG_F16 + (byte & 3)), byte >> 2 & 1, byte >> 3 & 1, 0};
    return how;
}

static void draw_value(const drawing *how, tape *bytes, uint8_t *room, size_t i)
{
    size_t size = size_of(how->type);
    if (!how->any_bits) {
        unsigned which = next(bytes) & 15;
        if (how->probabilities && (which > 9 || which == 7))
            which %= 7; /* 0 to 0.5: one somewhere else is enough to be refused */
        if (which >= NO_NUMBERS && !how->no_numbers)
            which -= 6;
        write_value(room, how->type, i, which);
        return;
    }
    for (size_t k = 0; k < size; k++)
        room[i * size + k] = (uint8_t)next(bytes);
    fseg_values made = {room, how->type, 0, 0};
    double value = value_at(&made, (ptrdiff_t)i);
    if (how->probabilities && !(value >= 0 && value <= 1))
        write_value(room, how->type, i, (unsigned)room[i * size] % 7);
    else if (isnan(value) && !how->no_numbers)
        write_value(room, how->type, i, (unsigned)room[i * size] % NO_NUMBERS);
}

/* Room for so many elements at an odd place, filled with what is no number. */
static uint8_t *room_for_values(const drawing *how, unsigned odd, size_t elements)
{
    size_t size = size_of(how->type);
    odd = size == 8 ? 0 : odd % (unsigned)(8 / size);
    uint8_t *room = fuzz_room((odd + elements) * size);
    for (size_t i = 0; i < odd + elements; i++)
        write_value(room, how->type, i, NO_NUMBERS);
    return room + odd * size;
}

/* The values of n pixels, one of which may be any. */
static fseg_values make_values(fuzz_input *input, tape *bytes, size_t n, int probabilities)
{
    unsigned options = fuzz_byte(input);
    drawing how = drawing_of(options);
    how.probabilities = probabilities && !how.no_numbers;
    fseg_values values = {NULL, how.type, 0, options >> 4 & 1};
    uint8_t *room = room_for_values(&how, options >> 5 & 3, n);
    for (size_t i = 0; i < n; i++)
        draw_value(&how, bytes, room, i);
    if (options >> 7 && n) {
        size_t at = fuzz_pair(input) % n;
        write_value(room, how.type, at, fuzz_byte(input) & 15);
    }
    values.pixels = room;
    return values;
}

/* --- what is found ------------------------------------------------------------------------------- */

typedef struct {
    fseg_status status;
    fseg_fault fault;
    size_t n;
    int64_t *counts;
} answer;

static answer new_answer(size_t n)
{
    answer made = {FSEG_OK, {SIZE_MAX, 77, 77}, n, fuzz_room(n * sizeof(int64_t))};
    for (size_t i = 0; i < n; i++)
        made.counts[i] = BEFORE + (int64_t)i;
    return made;
}

static void refuse(answer *found, fseg_status status, size_t at, int64_t what, int64_t expected)
{
    found->status = status;
    found->fault = (fseg_fault){at, what, expected};
}

static void require_same(const answer *found, const answer *expected)
{
    REQUIRE(found->status == expected->status);
    if (found->status == FSEG_OK) {
        REQUIRE(memcmp(found->counts, expected->counts, found->n * sizeof *found->counts) == 0);
        return;
    }
    REQUIRE(found->fault.position == expected->fault.position);
    REQUIRE(found->fault.found == expected->fault.found);
    REQUIRE(found->fault.expected == expected->fault.expected);
}

/* Whether a pixel is to be counted; one that is refused says so in `found`. */
static int is_counted(const fseg_values *values, double value, const fseg_labels *target, size_t i,
                      answer *found)
{
    if (is_ignored(target, i))
        return 0;
    if (isnan(value) && !values->skip_nan)
        refuse(found, FSEG_NAN, i, 0, 0);
    return !isnan(value);
}

static void check_masks(const uint8_t *prediction, const uint8_t *target, size_t n)
{
    answer expected = new_answer(4);
    for (size_t i = 0; i < n; i++)
        expected.counts[2 * (target[i] != 0) + (prediction[i] != 0)]++;
    FOR_EACH_VERSION {
        size_t mark = fuzz_mark();
        answer found = new_answer(4);
        fseg_count_masks(prediction, target, n, found.counts);
        require_same(&found, &expected);
        fuzz_release(mark);
    }
}

static void check_above(const fseg_values *values, const fseg_labels *target, size_t n)
{
    answer expected = new_answer(4);
    for (size_t i = 0; i < n && expected.status == FSEG_OK; i++) {
        double value = value_at(values, (ptrdiff_t)i);
        if (is_counted(values, value, target, i, &expected))
            expected.counts[2 * (label_at(target, i) != 0) + (value > values->threshold)]++;
    }
    FOR_EACH_VERSION {
        size_t mark = fuzz_mark();
        answer found = new_answer(4);
        found.status = fseg_count_above(values, target, n, found.counts, &found.fault);
        require_same(&found, &expected);
        fuzz_release(mark);
    }
}

/* Whether a label is under `classes`. */
static int in_range(const fseg_labels *labels, size_t i, unsigned classes, fseg_status status,
                    answer *found)
{
    int64_t label = label_at(labels, i);
    if (label >= 0 && label < (int64_t)classes)
        return 1;
    refuse(found, status, i, label, classes);
    return 0;
}

static void check_labels(const fseg_labels *prediction, const fseg_labels *target, size_t n,
                         unsigned classes)
{
    answer expected = new_answer((size_t)classes * classes);
    for (size_t i = 0; i < n && expected.status == FSEG_OK; i++)
        if (!is_ignored(target, i) && in_range(target, i, classes, FSEG_BAD_TARGET, &expected)
            && in_range(prediction, i, classes, FSEG_BAD_PREDICTION, &expected))
            expected.counts[label_at(target, i) * classes + label_at(prediction, i)]++;
    FOR_EACH_VERSION {
        size_t mark = fuzz_mark();
        answer found = new_answer(expected.n);
        found.status = fseg_confusion(prediction, target, n, classes, found.counts, &found.fault);
        require_same(&found, &expected);
        fuzz_release(mark);
    }
}

/* --- highest classes ----------------------------------------------------------------------------- */

static size_t distance(ptrdiff_t step)
{
    return (size_t)(step < 0 ? -step : step);
}

/* Steps for planes of classes or pixels of classes, with gaps, either way round. */
static fseg_classes make_steps(unsigned options, unsigned classes, size_t n)
{
    fseg_classes steps = {classes, 1, 1};
    size_t gap = options & 1 ? 1 + (options >> 4) : 0;
    if (options >> 1 & 1) {
        steps.pixel_step = (ptrdiff_t)(classes + gap);
    } else {
        steps.pixel_step = options >> 2 & 1 ? 1 + (ptrdiff_t)(options >> 6) : 1;
        steps.class_step = (ptrdiff_t)(n * distance(steps.pixel_step) + gap);
    }
    if (options >> 3 & 1)
        steps.pixel_step = -steps.pixel_step;
    if ((options & 0x81) == 0x81)
        steps.class_step = -steps.class_step;
    return steps;
}

static void check_highest(fuzz_input *input, tape *bytes, size_t n)
{
    static const unsigned FEW[] = {1, 2, 3, 9, 2, 4, 19, 16};
    unsigned options = fuzz_byte(input), which = fuzz_byte(input);
    unsigned classes = which < 224 ? FEW[which & 7] : 1 + fuzz_byte(input);
    drawing how = drawing_of(fuzz_byte(input));
    if (n > MOST_ELEMENTS / classes)
        n = MOST_ELEMENTS / classes;
    fseg_labels target = make_labels(input, bytes, n, classes);
    fseg_classes steps = make_steps(options, classes, n);
    size_t last = n ? (n - 1) * distance(steps.pixel_step)
                          + (classes - 1) * distance(steps.class_step) : 0;
    uint8_t *room = room_for_values(&how, which >> 3, n ? last + 1 : 0);
    ptrdiff_t first = 0;
    if (steps.pixel_step < 0 && n)
        first -= (ptrdiff_t)(n - 1) * steps.pixel_step;
    if (steps.class_step < 0)
        first -= (ptrdiff_t)(classes - 1) * steps.class_step;
    if (!n)
        first = 0;
    size_t element = size_of(how.type);
    fseg_values values = {room + first * (ptrdiff_t)element, how.type, 0, which >> 7};
    for (size_t i = 0; i < n; i++)
        for (unsigned c = 0; c < classes; c++) {
            ptrdiff_t at = first + (ptrdiff_t)i * steps.pixel_step + c * steps.class_step;
            draw_value(&how, bytes, room, (size_t)at);
        }
    answer expected = new_answer((size_t)classes * classes);
    for (size_t i = 0; i < n && expected.status == FSEG_OK; i++) {
        double highest = -INFINITY, any = 0;
        unsigned best = 0;
        for (unsigned c = 0; c < classes; c++) {
            double value = value_at(&values, (ptrdiff_t)i * steps.pixel_step + c * steps.class_step);
            if (isnan(value))
                any = NAN;
            if (value > highest) {
                highest = value;
                best = c;
            }
        }
        if (is_counted(&values, any, &target, i, &expected)
            && in_range(&target, i, classes, FSEG_BAD_TARGET, &expected))
            expected.counts[label_at(&target, i) * classes + best]++;
    }
    FOR_EACH_VERSION {
        size_t mark = fuzz_mark();
        answer found = new_answer(expected.n);
        found.status = fseg_confusion_highest(&values, &steps, &target, n, found.counts, &found.fault);
        require_same(&found, &expected);
        fuzz_release(mark);
    }
}

/* --- many thresholds ----------------------------------------------------------------------------- */

/* Ascending thresholds, each over the one before, in exactly as many elements. */
static double *make_thresholds(fuzz_input *input, tape *bytes, size_t *count)
{
    unsigned kind = fuzz_byte(input), byte = fuzz_byte(input);
    size_t n = kind < 8 ? FSEG_MOST_THRESHOLDS - byte : 1 + byte % (kind < 32 ? 256 : 24);
    double *made = fuzz_room(n * sizeof *made), offset = THRESHOLDS[byte & 7];
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        double limit;
        uint32_t bits = 0;
        float narrow;
        switch (kind & 3) {
        case 0: /* even */
            limit = (double)(i + 1) / (double)(n + 1);
            break;
        case 1: /* many next to each other, some within one float */
            limit = offset + (double)i * (kind & 4 ? 0x1p-26 : 0x1p-12);
            break;
        case 2:
            limit = THRESHOLDS[next(bytes) & 15];
            break;
        default:
            for (unsigned k = 0; k < 4; k++)
                bits = bits << 8 | next(bytes);
            memcpy(&narrow, &bits, sizeof narrow);
            limit = narrow;
        }
        if (isnan(limit))
            continue;
        size_t at = kept;
        while (at && made[at - 1] >= limit)
            at--;
        if (at < kept && made[at] == limit)
            continue;
        memmove(made + at + 1, made + at, (kept - at) * sizeof *made);
        made[at] = limit;
        kept++;
    }
    double *exact = fuzz_room(kept * sizeof *exact);
    memcpy(exact, made, kept * sizeof *exact);
    *count = kept;
    return exact;
}

static void check_sweep(fuzz_input *input, tape *bytes, size_t n)
{
    fseg_ladder ladder = {0};
    ladder.wide = make_thresholds(input, bytes, &ladder.n);
    ladder.thresholds = fuzz_room((ladder.n + FSEG_SLACK) * sizeof *ladder.thresholds);
    ladder.lowest = fuzz_room(FSEG_RANKS * sizeof *ladder.lowest);
    fseg_ladder_fill(&ladder);
    if (n > MOST_COMPARISONS / (ladder.n + 1))
        n = MOST_COMPARISONS / (ladder.n + 1);
    fseg_values values = make_values(input, bytes, n, 0);
    fseg_labels target = make_labels(input, bytes, n, 0);
    answer expected = new_answer(2 * (ladder.n + 1));
    for (size_t i = 0; i < n && expected.status == FSEG_OK; i++) {
        double value = value_at(&values, (ptrdiff_t)i);
        if (!is_counted(&values, value, &target, i, &expected))
            continue;
        size_t place = label_at(&target, i) ? ladder.n + 1 : 0;
        for (size_t k = 0; k < ladder.n; k++)
            place += value > ladder.wide[k];
        expected.counts[place]++;
    }
    FOR_EACH_VERSION {
        size_t mark = fuzz_mark();
        answer found = new_answer(expected.n);
        found.status = fseg_sweep(&values, &ladder, &target, n, found.counts, &found.fault);
        require_same(&found, &expected);
        fuzz_release(mark);
    }
}

static void check_calibrate(fuzz_input *input, tape *bytes, size_t n)
{
    static const size_t MANY[] = {1, 2, 3, 10, 15, 255, 1000, 7};
    size_t bins = MANY[fuzz_byte(input) & 7];
    fseg_values values = make_values(input, bytes, n, 1);
    fseg_labels target = make_labels(input, bytes, n, 0);
    answer expected = new_answer(2 * bins);
    double *sums = fuzz_room(bins * sizeof *sums);
    memset(sums, 0, bins * sizeof *sums);
    for (size_t i = 0; i < n && expected.status == FSEG_OK; i++) {
        double value = value_at(&values, (ptrdiff_t)i);
        if (!is_counted(&values, value, &target, i, &expected))
            continue;
        if (value < 0 || value > 1) {
            refuse(&expected, FSEG_NO_PROBABILITY, i, 0, 0);
            continue;
        }
        size_t bin = value == 1 ? bins - 1 : (size_t)floor(value * (double)bins);
        bin = bin < bins ? bin : bins - 1;
        expected.counts[(label_at(&target, i) ? bins : 0) + bin]++;
        sums[bin] += value;
    }
    FOR_EACH_VERSION {
        size_t mark = fuzz_mark();
        answer found = new_answer(expected.n);
        double *totals = fuzz_room(bins * sizeof *totals);
        memset(totals, 0, bins * sizeof *totals);
        found.status = fseg_calibrate(&values, bins, &target, n, found.counts, totals, &found.fault);
        require_same(&found, &expected);
        REQUIRE(found.status != FSEG_OK || memcmp(totals, sums, bins * sizeof *sums) == 0);
        fuzz_release(mark);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned CLASSES[] = {1, 2, 3, 4, 9, 15, 16, 17, 19, 64, 128, 255, 256, 2, 5, 16};
    fuzz_input input = {data, size};
    fuzz_begin();
    unsigned what = fuzz_byte(&input);
    size_t n = pixels_of(&input, (what & 7) < 5);
    /* What pixels are made of also says how: few bytes already make a picture. */
    tape bytes = {input, input};
    switch (what & 7) {
    case 0: {
        unsigned odd = what >> 3;
        uint8_t *prediction = fuzz_room(odd + n), *target = fuzz_room((odd ^ 5) + n);
        for (size_t i = 0; i < odd + n; i++)
            prediction[i] = (uint8_t)((next(&bytes) >> (i & 7) & 1) * (1 + i % 255));
        for (size_t i = 0; i < (odd ^ 5) + n; i++)
            target[i] = (uint8_t)((next(&bytes) >> (i & 3) & 1) * (255 - i % 255));
        check_masks(prediction + odd, target + (odd ^ 5), n);
        break;
    }
    case 1:
    case 2: {
        fseg_values values = make_values(&input, &bytes, n, 0);
        values.threshold = THRESHOLDS[what >> 3 & 15];
        fseg_labels target = make_labels(&input, &bytes, n, 0);
        check_above(&values, &target, n);
        break;
    }
    case 3:
    case 4: {
        unsigned classes = what >> 5 == 7 ? 1 + fuzz_byte(&input) : CLASSES[what >> 3 & 15];
        fseg_labels prediction = make_labels(&input, &bytes, n, classes);
        fseg_labels target = make_labels(&input, &bytes, n, classes);
        prediction.has_ignore = 0;
        check_labels(&prediction, &target, n, classes);
        break;
    }
    case 5:
        check_highest(&input, &bytes, n);
        break;
    case 6:
        check_sweep(&input, &bytes, n);
        break;
    default:
        check_calibrate(&input, &bytes, n);
    }
    fuzz_end();
    return 0;
}
