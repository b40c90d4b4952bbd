/* The inner loops of confusion.c. Those of one instruction set are in confusion_body.h, compiled
 * once for each. */
#ifndef FACESEG_CONFUSION_LOOPS_H
#define FACESEG_CONFUSION_LOOPS_H

#include "faceseg.h"
#include "portable.h"

#include <string.h>

/* No label is left out. */
enum { FSEG_NO_IGNORE = -1 };

/* Classes whose pairs are worth tables of their own. */
enum { FEW_CLASSES = 16 };

/* Classes whose values are compared at once. */
enum { SOME_CLASSES = 4 };

/* The rank of a value; that of NaN is any. */
static inline uint32_t fseg_rank(float value, const fseg_ladder *ladder)
{
    if (ladder->scale > 0) {
        float rank = (value - ladder->first) * ladder->scale, top = (float)(ladder->n - 1);
        rank = rank > 0 ? rank : 0;
        return (uint32_t)(rank < top ? rank : top);
    }
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits ^ ((0 - (bits >> 31)) | 0x80000000)) >> 16;
}

typedef struct {
    /* Add to sums the ones of n words of two planes: of both, of the first, of the second. */
    void (*count)(const uint64_t *prediction, const uint64_t *target, size_t n, uint64_t sums[3]);

    /* Add the pairs of n labels to the matrix, but for those whose target is `ignore`; whether all
     * others are under `classes`. */
    int (*pairs)(const uint8_t *prediction, const uint8_t *target, size_t n, unsigned classes,
                 int ignore, int64_t *matrix);

    /* Copy n labels into bytes, those over UINT8_MAX as that; whether there were none. */
    int (*narrow)(const int64_t *FSEG_RESTRICT labels, size_t n, uint8_t *FSEG_RESTRICT bytes);

    /* The same, `ignore` as UINT8_MAX; whether all others were under that. */
    int (*narrow_some)(const int64_t *FSEG_RESTRICT labels, size_t n, int64_t ignore,
                       uint8_t *FSEG_RESTRICT bytes);

    /* Copy n values, `step` elements apart, as floats, which is exact. */
    void (*widen_f16)(const uint16_t *FSEG_RESTRICT values, ptrdiff_t step, size_t n,
                      float *FSEG_RESTRICT floats);
    void (*widen_bf16)(const uint16_t *FSEG_RESTRICT values, ptrdiff_t step, size_t n,
                       float *FSEG_RESTRICT floats);

    /* Copy n values, `step` elements apart. */
    void (*copy_f32)(const float *FSEG_RESTRICT values, ptrdiff_t step, size_t n,
                     float *FSEG_RESTRICT copies);
    void (*copy_f64)(const double *FSEG_RESTRICT values, ptrdiff_t step, size_t n,
                     double *FSEG_RESTRICT copies);

    /* Where n values of a class, of 1 to SOME_CLASSES from `first` on, are over the highest so far,
     * keep them, and the class in `labels`; class 0 is the first. The values of a class follow each
     * other, `step` elements after those of the class before. Whether there was a NaN. */
    int (*raise_f32)(const float *FSEG_RESTRICT values, ptrdiff_t step, size_t n, unsigned first,
                     unsigned classes, float *FSEG_RESTRICT highest,
                     uint32_t *FSEG_RESTRICT labels);
    int (*raise_f64)(const double *FSEG_RESTRICT values, ptrdiff_t step, size_t n, unsigned first,
                     unsigned classes, double *FSEG_RESTRICT highest,
                     uint64_t *FSEG_RESTRICT labels);

    /* Copy these labels into bytes. */
    void (*bytes_f32)(const uint32_t *FSEG_RESTRICT labels, size_t n, uint8_t *FSEG_RESTRICT bytes);
    void (*bytes_f64)(const uint64_t *FSEG_RESTRICT labels, size_t n, uint8_t *FSEG_RESTRICT bytes);

    /* Set a bit for each of n floats of the second class that is over the first's. Whether there was
     * a NaN. */
    int (*over)(const float *first, const float *second, size_t n, uint64_t *bits);

    /* Count the thresholds of a ladder that each of n values is over; whether there was a NaN. */
    int (*place)(const float *FSEG_RESTRICT values, size_t n, const fseg_ladder *ladder,
                 uint32_t *FSEG_RESTRICT places);

    /* Add `columns` to the places whose label is not 0. */
    void (*second_row)(const uint8_t *FSEG_RESTRICT labels, size_t n, uint32_t columns,
                       uint32_t *FSEG_RESTRICT places);
} fseg_confusion_loops;

extern const fseg_confusion_loops fseg_confusion_scalar;
#if FSEG_X86
extern const fseg_confusion_loops fseg_confusion_sse2;
extern const fseg_confusion_loops fseg_confusion_avx2;
extern const fseg_confusion_loops fseg_confusion_avx512;
#endif
#if FSEG_ARM
extern const fseg_confusion_loops fseg_confusion_neon;
#endif

#endif
