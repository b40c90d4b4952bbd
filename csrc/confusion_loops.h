/* The inner loops of confusion.c, named fseg_<operation>_<type>_<instruction set>. They check nothing:
 * whoever calls them has cut the work into blocks small enough for their counters. */
#ifndef FACESEG_CONFUSION_LOOPS_H
#define FACESEG_CONFUSION_LOOPS_H

#include "portable.h"

/* Largest of n values, 0 for none. */
uint8_t fseg_max_u8_scalar(const uint8_t *values, size_t n);

/* Copy n pairs, those whose target is `ignore` as (0, 0); return how many those are. */
size_t fseg_drop_u8_scalar(const uint8_t *FSEG_RESTRICT prediction,
                           const uint8_t *FSEG_RESTRICT target, size_t n, uint8_t ignore,
                           uint8_t *FSEG_RESTRICT kept_prediction,
                           uint8_t *FSEG_RESTRICT kept_target);

/* Copy n labels into bytes; return all bits that were set in any of them. */
uint64_t fseg_narrow_i64_scalar(const int64_t *FSEG_RESTRICT labels, size_t n,
                                uint8_t *FSEG_RESTRICT bytes);

/* Add the pairs of n <= 2040 labels, each 0 or 1, to the four counts of matrix. */
void fseg_count_binary_u8_scalar(const uint8_t *prediction, const uint8_t *target, size_t n,
                                 int64_t *matrix);

/* Add the pairs of n labels, each under `classes`, to matrix. */
void fseg_count_pairs_u8_scalar(const uint8_t *prediction, const uint8_t *target, size_t n,
                                size_t classes, int64_t *FSEG_RESTRICT matrix);

#endif
