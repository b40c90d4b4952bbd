/* The inner loops, named fseg_<operation>_<type>_<instruction set>. They check nothing: whoever
 * calls them has cut the work into blocks small enough for their counters. */
#ifndef FACESEG_LOOPS_H
#define FACESEG_LOOPS_H

#include <stddef.h>
#include <stdint.h>

/* tally[i] += 1 where one of a[i], b[i] is zero and the other is not. Each tally holds 255. */
void fseg_tally_changes_u8_scalar(const uint8_t *restrict a, const uint8_t *restrict b, size_t n,
                                  uint8_t *restrict tally);

/* Write start + i for each such i, ascending, to `found` (room for n); return how many. */
size_t fseg_find_changes_u8_scalar(const uint8_t *a, const uint8_t *b, size_t n, uint32_t start,
                                   uint32_t *restrict found);

/* row[i] ^= above[i]. */
void fseg_xor_u8_scalar(uint8_t *restrict row, const uint8_t *restrict above, size_t n);

/* Largest of n values, 0 for none. */
uint8_t fseg_max_u8_scalar(const uint8_t *values, size_t n);

/* Copy n pairs, those whose target is `ignore` as (0, 0); return how many those are. */
size_t fseg_drop_u8_scalar(const uint8_t *restrict prediction, const uint8_t *restrict target,
                           size_t n, uint8_t ignore, uint8_t *restrict kept_prediction,
                           uint8_t *restrict kept_target);

/* Copy n labels into bytes; return all bits that were set in any of them. */
uint64_t fseg_narrow_i64_scalar(const int64_t *restrict labels, size_t n, uint8_t *restrict bytes);

/* Add the pairs of n <= 2040 labels, each 0 or 1, to the four counts of matrix. */
void fseg_count_binary_u8_scalar(const uint8_t *prediction, const uint8_t *target, size_t n,
                                 int64_t *matrix);

/* Add the pairs of n labels, each under `classes`, to matrix. */
void fseg_count_pairs_u8_scalar(const uint8_t *prediction, const uint8_t *target, size_t n,
                                size_t classes, int64_t *restrict matrix);

#endif
