/* The versions of decoding. Each is a whole algorithm, since the parts of one are too short for a
 * call between them: decode_body.h, compiled once for each instruction set. */
#ifndef FACESEG_DECODE_LOOPS_H
#define FACESEG_DECODE_LOOPS_H

#include "faceseg.h"
#include "portable.h"

/* The arguments are those of the functions of the same names in faceseg.h, and not empty. */
typedef struct {
    void (*plane_fill)(const uint32_t *counts, size_t runs, const fseg_plane *plane);
    void (*plane_fill_resized)(const uint32_t *counts, size_t runs, size_t lines, size_t length,
                               const fseg_plane *plane, uint32_t *scratch);
    void (*decode)(const uint32_t *counts, size_t runs, const fseg_target *target);
    void (*decode_across)(const uint32_t *counts, size_t runs, const fseg_target *target,
                          uint64_t *scratch);
    void (*decode_labels)(const uint32_t *const *counts, const size_t *runs,
                          const uint64_t *values, size_t n, uint64_t background,
                          const fseg_target *target, void *scratch);
    void (*expand_rows)(const fseg_plane *plane, const fseg_target *target);
    void (*expand_columns)(const fseg_plane *plane, const fseg_target *target);
} fseg_decode_loops;

extern const fseg_decode_loops fseg_decode_scalar;
#if FSEG_X86
extern const fseg_decode_loops fseg_decode_sse2, fseg_decode_avx2, fseg_decode_avx512;
#endif
#if FSEG_ARM
extern const fseg_decode_loops fseg_decode_neon;
#endif

#endif
