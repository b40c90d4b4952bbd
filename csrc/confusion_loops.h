/* The inner loops of confusion.c. Those of one instruction set are in confusion_body.h, compiled
 * once for each. */
#ifndef FACESEG_CONFUSION_LOOPS_H
#define FACESEG_CONFUSION_LOOPS_H

#include "faceseg.h"
#include "portable.h"

/* No label is left out. */
enum { FSEG_NO_IGNORE = -1 };

/* Classes whose pairs are worth tables of their own. */
enum { FEW_CLASSES = 16 };

typedef struct {
    /* Add to sums the ones of n words of two planes: of both, of the first, of the second. */
    void (*count)(const uint64_t *prediction, const uint64_t *target, size_t n, uint64_t sums[3]);

    /* Add the pairs of n labels to the matrix, but for those whose target is `ignore`; whether all
     * others are under `classes`. */
    int (*pairs)(const uint8_t *prediction, const uint8_t *target, size_t n, unsigned classes,
                 int ignore, int64_t *matrix);

    /* Copy n labels into bytes; return all bits that were set in any of them. */
    uint64_t (*narrow)(const int64_t *FSEG_RESTRICT labels, size_t n, uint8_t *FSEG_RESTRICT bytes);

    /* Copy n values, `step` elements apart, as floats, which is exact. */
    void (*widen_f16)(const uint16_t *FSEG_RESTRICT values, ptrdiff_t step, size_t n,
                      float *FSEG_RESTRICT floats);
    void (*widen_bf16)(const uint16_t *FSEG_RESTRICT values, ptrdiff_t step, size_t n,
                       float *FSEG_RESTRICT floats);

    /* Where n values of a class are over the highest so far, keep them, and the class in `labels`;
     * class 0 is the first. Whether there was a NaN. */
    int (*raise_f32)(const float *FSEG_RESTRICT values, ptrdiff_t step, size_t n, unsigned label,
                     float *FSEG_RESTRICT highest, uint32_t *FSEG_RESTRICT labels);
    int (*raise_f64)(const double *FSEG_RESTRICT values, ptrdiff_t step, size_t n, unsigned label,
                     double *FSEG_RESTRICT highest, uint64_t *FSEG_RESTRICT labels);

    /* Copy these labels into bytes. */
    void (*bytes_f32)(const uint32_t *FSEG_RESTRICT labels, size_t n, uint8_t *FSEG_RESTRICT bytes);
    void (*bytes_f64)(const uint64_t *FSEG_RESTRICT labels, size_t n, uint8_t *FSEG_RESTRICT bytes);

    /* Count the thresholds of a ladder that each of n values is over; whether there was a NaN. */
    int (*place)(const float *FSEG_RESTRICT values, size_t n, const fseg_ladder *ladder,
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
