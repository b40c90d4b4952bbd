/* The inner loops of merge.c. */
#ifndef FACESEG_MERGE_LOOPS_H
#define FACESEG_MERGE_LOOPS_H

#include "faceseg.h"
#include "portable.h"

typedef struct {
    uint64_t (*area)(const uint32_t *counts, size_t runs);
    size_t (*merge)(fseg_operation operation, const uint32_t *a, size_t a_runs, const uint32_t *b,
                    size_t b_runs, uint32_t *result);
    uint64_t (*intersection)(const uint32_t *a, size_t a_runs, const uint32_t *b, size_t b_runs);
} fseg_merge_loops;

extern const fseg_merge_loops fseg_merge_scalar;
#if FSEG_X86
extern const fseg_merge_loops fseg_merge_sse2;
extern const fseg_merge_loops fseg_merge_avx2;
extern const fseg_merge_loops fseg_merge_avx512;
#endif
#if FSEG_ARM
extern const fseg_merge_loops fseg_merge_neon;
#endif

#endif
