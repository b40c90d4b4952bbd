/* Class confusion in one pass over prediction and target.
 *
 * Labels are copied, in blocks that stay in the first cache, into bytes of our own, which nobody can
 * change between the look for values out of range and the counting that relies on it. An ignored
 * pixel is copied as the pair (0, 0), which is taken off again. */
#include "confusion_loops.h"
#include "faceseg.h"
#include "status.h"

#include <string.h>

enum { BLOCK = 2040 }; /* 255 words of eight labels: all that byte-wide counters can hold */

/* Add n pairs of which `at` pixels came before. */
static fseg_status count_block(const uint8_t *prediction, const uint8_t *target, size_t n,
                               size_t at, unsigned classes, int64_t *matrix, fseg_fault *fault)
{
    if (fseg_max_u8_scalar(prediction, n) >= classes || fseg_max_u8_scalar(target, n) >= classes)
        for (size_t i = 0; i < n; i++) {
            if (target[i] >= classes)
                return fail(fault, FSEG_BAD_TARGET, at + i, target[i], classes);
            if (prediction[i] >= classes)
                return fail(fault, FSEG_BAD_PREDICTION, at + i, prediction[i], classes);
        }
    if (classes == 2)
        fseg_count_binary_u8_scalar(prediction, target, n, matrix);
    else
        fseg_count_pairs_u8_scalar(prediction, target, n, classes, matrix);
    return FSEG_OK;
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
        } else {
            memcpy(kept_p, p, n);
            memcpy(kept_t, t, n);
        }
        fseg_status status = count_block(kept_p, kept_t, n, at, classes, matrix, fault);
        if (status != FSEG_OK)
            return status;
    }
    return FSEG_OK;
}

/* Whether a label of n pairs is out of range, and if so which. */
static fseg_status check_wide(const int64_t *prediction, const int64_t *target, size_t n,
                              size_t at, unsigned classes, int has_ignore, int64_t ignore,
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
        fseg_status status = FSEG_OK;
        if ((fseg_narrow_i64_scalar(p, n, kept_p) | fseg_narrow_i64_scalar(t, n, kept_t))
            > UINT8_MAX)
            status = check_wide(p, t, n, at, classes, has_ignore, ignore, fault);
        for (size_t i = 0; has_ignore && i < n; i++) {
            if (t[i] != ignore)
                continue;
            kept_p[i] = kept_t[i] = 0;
            matrix[0]--;
        }
        if (status == FSEG_OK)
            status = count_block(kept_p, kept_t, n, at, classes, matrix, fault);
        if (status != FSEG_OK)
            return status;
    }
    return FSEG_OK;
}
