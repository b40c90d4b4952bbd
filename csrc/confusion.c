/* Class confusion in one pass over prediction and target.
 *
 * Labels go through in blocks that stay in the first cache: looked at for values out of range, then
 * counted. Ignored pixels and wide labels are first copied into a block of bytes, an ignored pixel
 * as the pair (0, 0), which is taken off again. */
#include "faceseg.h"
#include "loops.h"
#include "status.h"

enum { BLOCK = 2040 }; /* 255 words of eight labels: all that byte-wide counters can hold */

static int in_range(const uint8_t *labels, size_t n, unsigned classes)
{
    return fseg_max_u8_scalar(labels, n) < classes;
}

static void count_block(const uint8_t *prediction, const uint8_t *target, size_t n,
                        unsigned classes, int64_t *matrix)
{
    if (classes == 2)
        fseg_count_binary_u8_scalar(prediction, target, n, matrix);
    else
        fseg_count_pairs_u8_scalar(prediction, target, n, classes, matrix);
}

fseg_status fseg_confusion_u8(const uint8_t *prediction, const uint8_t *target, size_t pixels,
                              unsigned classes, int has_ignore, int64_t ignore, int64_t *matrix,
                              fseg_fault *fault)
{
    size_t n;
    int drop = has_ignore && ignore >= 0 && ignore <= UINT8_MAX;
    for (size_t at = 0; at < pixels; at += n) {
        const uint8_t *p = prediction + at, *t = target + at;
        uint8_t kept_p[BLOCK], kept_t[BLOCK];
        n = pixels - at < BLOCK ? pixels - at : BLOCK;
        if (drop) {
            matrix[0] -= (int64_t)fseg_drop_u8_scalar(p, t, n, (uint8_t)ignore, kept_p, kept_t);
            p = kept_p;
            t = kept_t;
        }
        if (!in_range(p, n, classes) || !in_range(t, n, classes))
            for (size_t i = 0; i < n; i++) {
                if (t[i] >= classes)
                    return fail(fault, FSEG_BAD_TARGET, at + i, t[i], classes);
                if (p[i] >= classes)
                    return fail(fault, FSEG_BAD_PREDICTION, at + i, p[i], classes);
            }
        count_block(p, t, n, classes, matrix);
    }
    return FSEG_OK;
}

/* Whether a label of n pairs is out of range, and if so which. */
static fseg_status check_wide(const int64_t *prediction, const int64_t *target, size_t n,
                              unsigned classes, int has_ignore, int64_t ignore, size_t at,
                              fseg_fault *fault)
{
    for (size_t i = 0; i < n; i++) {
        if (has_ignore && target[i] == ignore)
            continue;
        if (target[i] < 0 || target[i] >= (int64_t)classes)
            return fail(fault, FSEG_BAD_TARGET, at + i, target[i], classes);
        if (prediction[i] < 0 || prediction[i] >= (int64_t)classes)
            return fail(fault, FSEG_BAD_PREDICTION, at + i, prediction[i], classes);
    }
    return FSEG_OK;
}

fseg_status fseg_confusion_i64(const int64_t *prediction, const int64_t *target, size_t pixels,
                               unsigned classes, int has_ignore, int64_t ignore, int64_t *matrix,
                               fseg_fault *fault)
{
    size_t n;
    for (size_t at = 0; at < pixels; at += n) {
        const int64_t *p = prediction + at, *t = target + at;
        uint8_t kept_p[BLOCK], kept_t[BLOCK];
        n = pixels - at < BLOCK ? pixels - at : BLOCK;
        uint64_t all = fseg_narrow_i64_scalar(p, n, kept_p) | fseg_narrow_i64_scalar(t, n, kept_t);
        if (all > UINT8_MAX || !in_range(kept_p, n, classes) || !in_range(kept_t, n, classes)) {
            fseg_status status = check_wide(p, t, n, classes, has_ignore, ignore, at, fault);
            if (status != FSEG_OK)
                return status;
        }
        for (size_t i = 0; has_ignore && i < n; i++) {
            if (t[i] != ignore)
                continue;
            kept_p[i] = kept_t[i] = 0;
            matrix[0]--;
        }
        count_block(kept_p, kept_t, n, classes, matrix);
    }
    return FSEG_OK;
}
