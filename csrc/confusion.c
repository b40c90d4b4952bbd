/* Counts of true and predicted pixels: one pass over prediction and target.
 *
 * Two classes are planes of bits, packed as masks are, and then ones are counted; more are pairs of
 * labels. Highest classes become labels first. All of it in blocks that stay in the first cache. */
#include "dispatch.h"
#include "faceseg.h"
#include "status.h"

#include <math.h>
#include <string.h>

enum {
    BLOCK = 16384,       /* pixels that are packed at once: bytes are read in whole pages */
    WORDS = BLOCK / 64,
    FLOATS = 1024        /* pixels whose values are looked at at once: highest classes, places */
};

static const size_t SIZES[] = {1, 8, 2, 2, 4, 8};

/* Element i, which lies before the first if the steps of classes or pixels are negative. */
static const uint8_t *at_element(const void *pixels, fseg_type type, ptrdiff_t i)
{
    return (const uint8_t *)pixels + i * (ptrdiff_t)SIZES[type];
}

static const uint8_t *at_pixel(const void *pixels, fseg_type type, size_t i)
{
    return at_element(pixels, type, (ptrdiff_t)i);
}

/* --- targets ---------------------------------------------------------------------------------- */

static int64_t label_at(const fseg_labels *labels, size_t i)
{
    const uint8_t *at = at_pixel(labels->pixels, labels->type, i);
    int64_t label;
    if (labels->type == FSEG_U8)
        return *at;
    memcpy(&label, at, sizeof label);
    return label;
}

static int is_ignored(const fseg_labels *labels, size_t i)
{
    return labels->has_ignore && label_at(labels, i) == labels->ignore;
}

/* The label of bytes to ignore, or FSEG_NO_IGNORE. */
static int ignored_byte(const fseg_labels *labels)
{
    int is_byte = labels->has_ignore && labels->ignore >= 0 && labels->ignore <= UINT8_MAX;
    return is_byte ? (int)labels->ignore : FSEG_NO_IGNORE;
}

static void pack_bytes(const uint8_t *bytes, size_t n, fseg_test test, uint8_t label,
                       uint64_t *bits)
{
    fseg_limit limit = {label, 0, 0};
    fseg_active->pack->rows[test](bytes, 1, n, (ptrdiff_t)n, &limit, bits);
}

/* Copy labels of 64 bits as bytes, UINT8_MAX for the ignored ones and those over it. Whether all
 * others are under UINT8_MAX, or, if none is ignored, not over it. */
static int narrow(const fseg_labels *labels, size_t first, size_t n, uint8_t *bytes)
{
    const int64_t *pixels = (const int64_t *)labels->pixels + first;
    if (labels->has_ignore)
        return fseg_active->confusion->narrow_some(pixels, n, labels->ignore, bytes);
    return fseg_active->confusion->narrow(pixels, n, bytes);
}

/* The target as bytes that are 0 in the background and 1 for the label 1 alone, where they lie or in
 * `bytes`. *ignored gets the byte of pixels to leave out, or FSEG_NO_IGNORE. */
static const uint8_t *as_bytes(const fseg_labels *target, size_t first, size_t n, uint8_t *bytes,
                               int *ignored)
{
    *ignored = ignored_byte(target);
    if (target->type == FSEG_U8)
        return at_pixel(target->pixels, FSEG_U8, first);
    *ignored = target->has_ignore ? UINT8_MAX : FSEG_NO_IGNORE;
    if (!narrow(target, first, n, bytes) && target->has_ignore)
        for (size_t i = 0; i < n; i++) {
            int64_t label = label_at(target, first + i);
            bytes[i] = label == target->ignore ? UINT8_MAX : (uint8_t)(label == 1 ? 1 : label ? 2 : 0);
        }
    return bytes;
}

/* Of n pixels from `first` on, the foreground, any label but 0; unless it is NULL, those of label 1;
 * and those that are not ignored. */
static void pack_target(const fseg_labels *target, size_t first, size_t n, uint64_t *bits,
                        uint64_t *ones, uint64_t *valid)
{
    uint8_t room[BLOCK];
    int ignored;
    const uint8_t *bytes = as_bytes(target, first, n, room, &ignored);
    pack_bytes(bytes, n, FSEG_NONZERO_U8, 0, bits);
    if (ones)
        pack_bytes(bytes, n, FSEG_EQUAL_U8, 1, ones);
    if (ignored == FSEG_NO_IGNORE)
        memset(valid, 0, (n + 63) / 64 * sizeof *valid);
    else
        pack_bytes(bytes, n, FSEG_EQUAL_U8, (uint8_t)ignored, valid);
    for (size_t i = 0; i < (n + 63) / 64; i++)
        valid[i] = ~valid[i];
    if (n % 64)
        valid[n / 64] &= (UINT64_C(1) << n % 64) - 1;
}

/* --- two classes ------------------------------------------------------------------------------ */

/* Add the pixels of two planes of n to the counts. With `valid`, they are those whose bit is set in it,
 * and what the planes have elsewhere is cleared. */
static void add_planes(uint64_t *prediction, uint64_t *target, const uint64_t *valid, size_t n,
                       int64_t counts[4])
{
    uint64_t sums[3] = {0, 0, 0}, pixels[3] = {0, 0, 0};
    size_t words = (n + 63) / 64;
    if (valid) {
        for (size_t i = 0; i < words; i++) {
            prediction[i] &= valid[i];
            target[i] &= valid[i];
        }
        fseg_active->confusion->count(valid, valid, words, pixels);
        n = (size_t)pixels[0];
    }
    fseg_active->confusion->count(prediction, target, words, sums);
    counts[0] += (int64_t)(n - sums[1] - sums[2] + sums[0]);
    counts[1] += (int64_t)(sums[1] - sums[0]);
    counts[2] += (int64_t)(sums[2] - sums[0]);
    counts[3] += (int64_t)sums[0];
}

void fseg_count_masks(const uint8_t *prediction, const uint8_t *target, size_t pixels,
                      int64_t counts[4])
{
    uint64_t predicted[WORDS], truth[WORDS];
    for (size_t at = 0, n; at < pixels; at += n) {
        n = least(pixels - at, BLOCK);
        pack_bytes(prediction + at, n, FSEG_NONZERO_U8, 0, predicted);
        pack_bytes(target + at, n, FSEG_NONZERO_U8, 0, truth);
        add_planes(predicted, truth, NULL, n, counts);
    }
}

/* Copy n values of 16 bits, `step` elements apart, as floats. */
static void widen(fseg_type type, const void *values, ptrdiff_t step, size_t n, float *floats)
{
    const fseg_confusion_loops *loops = fseg_active->confusion;
    (type == FSEG_F16 ? loops->widen_f16 : loops->widen_bf16)(values, step, n, floats);
}

/* The value of an element, which is exact. */
static double value_at(const fseg_values *values, ptrdiff_t i)
{
    const uint8_t *at = at_element(values->pixels, values->type, i);
    float narrow;
    double wide;
    if (values->type == FSEG_F64) {
        memcpy(&wide, at, sizeof wide);
        return wide;
    }
    if (values->type == FSEG_F32)
        memcpy(&narrow, at, sizeof narrow);
    else
        widen(values->type, at, 1, 1, &narrow);
    return narrow;
}

static int is_nan(const fseg_values *values, ptrdiff_t i)
{
    double value = value_at(values, i);
    return value != value;
}

/* The values over a limit, of n pixels from `first` on; whether there was a NaN. */
static int pack_values(const fseg_values *values, size_t first, size_t n, const fseg_limit *limit,
                       uint64_t *bits)
{
    const uint8_t *pixels = at_pixel(values->pixels, values->type, first);
    float floats[FLOATS];
    int nan = 0;
    if (values->type == FSEG_F32 || values->type == FSEG_F64) {
        fseg_test test = values->type == FSEG_F32 ? FSEG_ABOVE_F32 : FSEG_ABOVE_F64;
        return fseg_active->pack->rows[test](pixels, 1, n, 0, limit, bits);
    }
    for (size_t at = 0; at < n; at += FLOATS) {
        size_t some = least(n - at, FLOATS);
        widen(values->type, at_pixel(pixels, values->type, at), 1, some, floats);
        nan |= fseg_active->pack->rows[FSEG_ABOVE_F32]((const uint8_t *)floats, 1, some, 0, limit,
                                                       bits + at / 64);
    }
    return nan;
}

fseg_status fseg_count_above(const fseg_values *values, const fseg_labels *target, size_t pixels,
                             int64_t counts[4], fseg_fault *fault)
{
    uint64_t predicted[WORDS], truth[WORDS], valid[WORDS];
    fseg_limit limit = {0, fseg_float_not_over(values->threshold), values->threshold};
    for (size_t at = 0, n; at < pixels; at += n) {
        n = least(pixels - at, BLOCK);
        int nan = pack_values(values, at, n, &limit, predicted);
        pack_target(target, at, n, truth, NULL, valid);
        for (size_t i = at; nan && i < at + n; i++) {
            if (!is_nan(values, (ptrdiff_t)i))
                continue;
            if (values->skip_nan)
                valid[(i - at) / 64] &= ~(UINT64_C(1) << (i - at) % 64);
            else if (!is_ignored(target, i))
                return fail(fault, FSEG_NAN, i, 0, 0);
        }
        add_planes(predicted, truth, nan || target->has_ignore ? valid : NULL, n, counts);
    }
    return FSEG_OK;
}

/* --- labels ----------------------------------------------------------------------------------- */

/* The first label that is out of range; if another thread has changed it, the first pixel. */
static fseg_status find_wrong(const fseg_labels *prediction, const fseg_labels *target,
                              size_t pixels, unsigned classes, fseg_fault *fault)
{
    for (size_t i = 0; i < pixels; i++) {
        int64_t p = label_at(prediction, i), t = label_at(target, i);
        if (is_ignored(target, i))
            continue;
        if (t < 0 || t >= (int64_t)classes)
            return fail(fault, FSEG_BAD_TARGET, i, t, classes);
        if (p < 0 || p >= (int64_t)classes)
            return fail(fault, FSEG_BAD_PREDICTION, i, p, classes);
    }
    return fail(fault, FSEG_BAD_PREDICTION, 0, label_at(prediction, 0), classes);
}

/* Make pixels that are ignored pairs of zeros; whether the labels of all others are bytes. *dropped
 * gets their number. */
static int drop_ignored(const fseg_labels *prediction, const fseg_labels *target, size_t first,
                        size_t n, uint8_t *p, uint8_t *t, int64_t *dropped)
{
    uint64_t high = 0;
    *dropped = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t predicted = label_at(prediction, first + i), truth = label_at(target, first + i);
        int ignored = is_ignored(target, first + i);
        *dropped += ignored;
        p[i] = ignored ? 0 : (uint8_t)predicted;
        t[i] = ignored ? 0 : (uint8_t)truth;
        high |= ignored ? 0 : (uint64_t)(predicted | truth);
    }
    return high <= UINT8_MAX;
}

fseg_status fseg_confusion(const fseg_labels *prediction, const fseg_labels *target, size_t pixels,
                           unsigned classes, int64_t *matrix, fseg_fault *fault)
{
    uint8_t bytes_p[BLOCK], bytes_t[BLOCK];
    int wide_p = prediction->type != FSEG_U8, wide_t = target->type != FSEG_U8;
    size_t block = wide_p || wide_t ? BLOCK : pixels;
    for (size_t at = 0, n; at < pixels; at += n) {
        int ignore = wide_t && target->has_ignore ? UINT8_MAX : ignored_byte(target);
        n = least(pixels - at, block);
        const uint8_t *p = wide_p ? bytes_p : at_pixel(prediction->pixels, FSEG_U8, at);
        const uint8_t *t = wide_t ? bytes_t : at_pixel(target->pixels, FSEG_U8, at);
        int fit = !wide_p || narrow(prediction, at, n, bytes_p);
        if (wide_t)
            fit &= narrow(target, at, n, bytes_t);
        if (!fit && target->has_ignore) {
            int64_t dropped;
            fit = drop_ignored(prediction, target, at, n, bytes_p, bytes_t, &dropped);
            matrix[0] -= dropped; /* what these pairs of zeros will add to it */
            p = bytes_p;
            t = bytes_t;
            ignore = FSEG_NO_IGNORE;
        }
        if (!fit || !fseg_active->confusion->pairs(p, t, n, classes, ignore, matrix))
            return find_wrong(prediction, target, pixels, classes, fault);
    }
    return FSEG_OK;
}

/* --- highest classes -------------------------------------------------------------------------- */

/* Up to SOME_CLASSES classes' values of FLOATS pixels. */
typedef union {
    float narrow[SOME_CLASSES][FLOATS];
    double wide[SOME_CLASSES][FLOATS];
} some_values;

/* The values of `some` classes from class c on, of n pixels from `first` on: where they lie, or in
 * `copies`. *step gets the distance of classes. */
static const void *find_planes(const fseg_values *values, const fseg_classes *classes, size_t first,
                               size_t n, unsigned c, unsigned some, some_values *copies,
                               ptrdiff_t *step)
{
    const fseg_confusion_loops *loops = fseg_active->confusion;
    fseg_type type = values->type;
    ptrdiff_t offset = (ptrdiff_t)first * classes->pixel_step + (ptrdiff_t)c * classes->class_step;
    const uint8_t *plane = (const uint8_t *)values->pixels + offset * (ptrdiff_t)SIZES[type];
    *step = classes->class_step;
    if (classes->pixel_step == 1 && (type == FSEG_F32 || type == FSEG_F64))
        return plane;
    *step = FLOATS;
    for (unsigned i = 0; i < some; i++) {
        if (type == FSEG_F64)
            loops->copy_f64((const void *)plane, classes->pixel_step, n, copies->wide[i]);
        else if (type == FSEG_F32)
            loops->copy_f32((const void *)plane, classes->pixel_step, n, copies->narrow[i]);
        else
            widen(type, plane, classes->pixel_step, n, copies->narrow[i]);
        plane += classes->class_step * (ptrdiff_t)SIZES[type];
    }
    return copies;
}

/* The class of the highest of each pixel's values, of n pixels from `first` on, the first of equal
 * ones; whether there was a NaN. */
static int find_highest(const fseg_values *values, const fseg_classes *classes, size_t first,
                        size_t n, uint8_t *labels)
{
    const fseg_confusion_loops *loops = fseg_active->confusion;
    union {
        float narrow[FLOATS];
        double wide[FLOATS];
    } highest;
    union {
        uint32_t narrow[FLOATS];
        uint64_t wide[FLOATS];
    } best;
    some_values copies;
    int nan = 0, is_wide = values->type == FSEG_F64;
    for (unsigned c = 0, some; c < classes->classes; c += some) {
        ptrdiff_t step;
        some = (unsigned)least(classes->classes - c, SOME_CLASSES);
        const void *planes = find_planes(values, classes, first, n, c, some, &copies, &step);
        if (is_wide)
            nan |= loops->raise_f64(planes, step, n, c, some, highest.wide, best.wide);
        else
            nan |= loops->raise_f32(planes, step, n, c, some, highest.narrow, best.narrow);
    }
    if (is_wide)
        loops->bytes_f64(best.wide, n, labels);
    else
        loops->bytes_f32(best.narrow, n, labels);
    return nan;
}

/* Whether any class of a pixel is no number. */
static int has_nan(const fseg_values *values, const fseg_classes *classes, size_t pixel)
{
    for (unsigned c = 0; c < classes->classes; c++)
        if (is_nan(values, (ptrdiff_t)pixel * classes->pixel_step + (ptrdiff_t)c * classes->class_step))
            return 1;
    return 0;
}

/* Add n pixels from `first` on, whose labels were found. `nan`: some may have a NaN. */
static fseg_status add_labels(const uint8_t *labels, const fseg_values *values,
                              const fseg_classes *classes, const fseg_labels *target, size_t first,
                              size_t n, int nan, int64_t *matrix, fseg_fault *fault)
{
    for (size_t i = 0, some; i < n; i += some) {
        some = nan ? 1 : n;
        if (nan && !is_ignored(target, first + i) && has_nan(values, classes, first + i)) {
            if (!values->skip_nan)
                return fail(fault, FSEG_NAN, first + i, 0, 0);
            continue;
        }
        fseg_labels prediction = {labels + i, FSEG_U8, 0, 0}, truth = *target;
        truth.pixels = at_pixel(target->pixels, target->type, first + i);
        fseg_status status = fseg_confusion(&prediction, &truth, some, classes->classes, matrix, fault);
        if (status != FSEG_OK) {
            fault->position += first + i;
            return status;
        }
    }
    return FSEG_OK;
}

/* Two classes, any but doubles: bits of where the second is the higher one. */
static fseg_status count_higher(const fseg_values *values, const fseg_classes *classes,
                                const fseg_labels *target, size_t pixels, int64_t counts[4],
                                fseg_fault *fault)
{
    uint64_t predicted[WORDS], truth[WORDS], foreground[WORDS], valid[WORDS];
    some_values copies;
    ptrdiff_t step;
    size_t block = values->type == FSEG_F32 && classes->pixel_step == 1 ? BLOCK : FLOATS;
    for (size_t at = 0, n; at < pixels; at += n) {
        int nan = 0;
        n = least(pixels - at, BLOCK);
        for (size_t i = 0, some; i < n; i += some) {
            some = least(n - i, block);
            const float *planes = find_planes(values, classes, at + i, some, 0, 2, &copies, &step);
            nan |= fseg_active->confusion->over(planes, planes + step, some, predicted + i / 64);
        }
        pack_target(target, at, n, foreground, truth, valid);
        uint64_t others = 0;
        for (size_t i = 0; i < (n + 63) / 64; i++)
            others |= (truth[i] ^ foreground[i]) & valid[i];
        for (size_t i = at; (nan || others) && i < at + n; i++) {
            int64_t label = label_at(target, i);
            if (is_ignored(target, i))
                continue;
            if (nan && has_nan(values, classes, i)) {
                if (!values->skip_nan)
                    return fail(fault, FSEG_NAN, i, 0, 0);
                valid[(i - at) / 64] &= ~(UINT64_C(1) << (i - at) % 64);
            } else if (label < 0 || label > 1) {
                return fail(fault, FSEG_BAD_TARGET, i, label, 2);
            }
        }
        add_planes(predicted, truth, nan || target->has_ignore ? valid : NULL, n, counts);
    }
    return FSEG_OK;
}

fseg_status fseg_confusion_highest(const fseg_values *values, const fseg_classes *classes,
                                   const fseg_labels *target, size_t pixels, int64_t *matrix,
                                   fseg_fault *fault)
{
    uint8_t labels[FLOATS];
    fseg_status status = FSEG_OK;
    if (classes->classes == 2 && values->type != FSEG_F64)
        return count_higher(values, classes, target, pixels, matrix, fault);
    for (size_t at = 0, n; at < pixels && status == FSEG_OK; at += n) {
        n = least(pixels - at, FLOATS);
        int nan = find_highest(values, classes, at, n, labels);
        status = add_labels(labels, values, classes, target, at, n, nan, matrix, fault);
    }
    return status;
}

/* --- many thresholds -------------------------------------------------------------------------- */

/* Set first and scale of a ladder if its thresholds have even distances; whether they have. */
static int is_even(fseg_ladder *ladder)
{
    const float *thresholds = ladder->thresholds;
    size_t last = ladder->n - 1;
    float range = thresholds[last] - thresholds[0];
    ladder->scale = (float)last / range;
    ladder->first = thresholds[0] - range / (float)last / 2;
    if (!(ladder->scale > 0 && ladder->scale < INFINITY))
        return 0;
    for (size_t i = 0; i < ladder->n; i++)
        if (fseg_rank(thresholds[i], ladder) != i)
            return 0;
    return 1;
}

void fseg_ladder_fill(fseg_ladder *ladder)
{
    for (size_t i = 0; i < ladder->n; i++) {
        float threshold = fseg_float_not_over(ladder->wide[i]);
        /* Zeros are equal, their ranks are not: 0 is not over -0. */
        ladder->thresholds[i] = threshold == 0 ? 0 : threshold;
    }
    for (size_t i = ladder->n; i < ladder->n + FSEG_SLACK; i++)
        ladder->thresholds[i] = INFINITY;
    ladder->steps = 1;
    if (ladder->n > 1 && is_even(ladder))
        return;
    ladder->scale = 0;
    size_t rank = 0, begin = 0;
    for (size_t i = 0; i < ladder->n; i++) {
        /* Ranks ascend with the values: one of a lower rank is not over the threshold, one of a higher
         * rank is. */
        for (size_t of_this = fseg_rank(ladder->thresholds[i], ladder); rank <= of_this; rank++) {
            ladder->lowest[rank] = (uint32_t)i;
            begin = i;
        }
        if (i + 1 - begin > ladder->steps)
            ladder->steps = (unsigned)(i + 1 - begin);
    }
    for (; rank < FSEG_RANKS; rank++)
        ladder->lowest[rank] = (uint32_t)ladder->n;
}

/* Number of thresholds that a value is over. */
static uint32_t place_of(double value, const fseg_ladder *ladder)
{
    size_t low = 0, high = ladder->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (value > ladder->wide[middle])
            low = middle + 1;
        else
            high = middle;
    }
    return (uint32_t)low;
}

static int find_places(const fseg_values *values, size_t first, size_t n,
                       const fseg_ladder *ladder, uint32_t *places)
{
    const fseg_confusion_loops *loops = fseg_active->confusion;
    const void *pixels = at_pixel(values->pixels, values->type, first);
    float floats[FLOATS];
    if (values->type == FSEG_F32)
        return loops->place(pixels, n, ladder, places);
    if (values->type != FSEG_F64) {
        widen(values->type, pixels, 1, n, floats);
        return loops->place(floats, n, ladder, places);
    }
    int nan = 0;
    for (size_t i = 0; i < n; i++) {
        double value = value_at(values, (ptrdiff_t)(first + i));
        places[i] = place_of(value, ladder);
        nan |= value != value;
    }
    return nan;
}

fseg_status fseg_sweep(const fseg_values *values, const fseg_ladder *ladder,
                       const fseg_labels *target, size_t pixels, int64_t *table,
                       fseg_fault *fault)
{
    uint32_t places[FLOATS];
    /* Two tables, so that seldom an addition waits for the one before; the last column is for pixels
     * that are left out. */
    uint32_t counts[2][2 * (FSEG_MOST_THRESHOLDS + 1) + 1];
    uint32_t columns = (uint32_t)ladder->n + 1, left_out = 2 * columns;
    enum { MOST = 1 << 30 };
    for (size_t at = 0, stop; at < pixels; at = stop) {
        memset(counts[0], 0, (left_out + 1) * sizeof **counts);
        memset(counts[1], 0, (left_out + 1) * sizeof **counts);
        stop = at + least(pixels - at, MOST);
        for (size_t n; at < stop; at += n) {
            n = least(stop - at, FLOATS);
            int nan = find_places(values, at, n, ladder, places);
            if (target->type == FSEG_U8) {
                const uint8_t *labels = at_pixel(target->pixels, FSEG_U8, at);
                fseg_active->confusion->second_row(labels, n, columns, places);
            } else {
                for (size_t i = 0; i < n; i++)
                    places[i] += label_at(target, at + i) ? columns : 0;
            }
            for (size_t i = 0; target->has_ignore && i < n; i++)
                places[i] = is_ignored(target, at + i) ? left_out : places[i];
            for (size_t i = 0; nan && i < n; i++) {
                if (places[i] == left_out || !is_nan(values, (ptrdiff_t)(at + i)))
                    continue;
                if (!values->skip_nan)
                    return fail(fault, FSEG_NAN, at + i, 0, 0);
                places[i] = left_out;
            }
            /* Two places in a load: all of a sweep takes three quarters of the time. */
            for (size_t i = 0; i + 4 <= n; i += 4) {
                uint64_t two, more;
                memcpy(&two, places + i, sizeof two);
                memcpy(&more, places + i + 2, sizeof more);
                counts[0][(uint32_t)two]++;
                counts[1][two >> 32]++;
                counts[0][(uint32_t)more]++;
                counts[1][more >> 32]++;
            }
            for (size_t i = n - n % 4; i < n; i++)
                counts[0][places[i]]++;
        }
        for (size_t i = 0; i < left_out; i++)
            table[i] += (int64_t)counts[0][i] + counts[1][i];
    }
    return FSEG_OK;
}

fseg_status fseg_calibrate(const fseg_values *values, size_t bins, const fseg_labels *target,
                           size_t pixels, int64_t *counts, double *sums, fseg_fault *fault)
{
    for (size_t i = 0; i < pixels; i++) {
        if (is_ignored(target, i))
            continue;
        double value = value_at(values, (ptrdiff_t)i);
        if (FSEG_UNLIKELY(!(value >= 0 && value <= 1))) {
            if (value == value)
                return fail(fault, FSEG_NO_PROBABILITY, i, 0, 0);
            if (!values->skip_nan)
                return fail(fault, FSEG_NAN, i, 0, 0);
            continue;
        }
        size_t bin = least((size_t)(value * (double)bins), bins - 1);
        counts[(label_at(target, i) ? bins : 0) + bin]++;
        sums[bin] += value;
    }
    return FSEG_OK;
}
