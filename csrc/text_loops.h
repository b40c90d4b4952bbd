/* Inner loops of the texts. Those that read go as far as the text is ordinary and valid, and leave
 * the rest to the checked reading in text.c. */
#ifndef FACESEG_TEXT_LOOPS_H
#define FACESEG_TEXT_LOOPS_H

#include "portable.h"

/* Characters before and after the text that a loop may load. */
enum { FSEG_TEXT_BEHIND = 4, FSEG_TEXT_AHEAD = 128 };

typedef struct {
    size_t (*kaggle_tokens)(const char *text, size_t length);
    size_t (*coco_numbers)(const char *text, size_t length);

    /* Read COCO's numbers as long as they end within `length` characters and are valid; return how
     * many, and in `*used` their characters. Before the text are FSEG_TEXT_BEHIND valid characters,
     * the last of which ends a number. May load FSEG_TEXT_AHEAD more characters and write
     * FSEG_SLACK more numbers. */
    size_t (*read_groups)(const char *text, size_t length, uint32_t *numbers, size_t *used);

    /* Make runs of differences, in place: each is added to the run two before, `before` the first.
     * Whether all are 1 or more, as they must be, and under 2^31, as they nearly always are. */
    int (*add_up)(uint32_t *counts, size_t n, const uint32_t before[2], uint64_t *sum);

    /* Find the first characters of Kaggle's numbers as long as there is nothing but digits and
     * single spaces; return how many, and in `*seen` the characters that were looked at. `length`
     * is under 2^15. May load FSEG_TEXT_AHEAD more characters and write FSEG_SLACK more places. */
    size_t (*find_numbers)(const char *text, size_t length, uint16_t *firsts, size_t *seen);

    /* Read pairs of numbers, as long as they have at most eight digits and the runs are 1 or more
     * and apart; return how many. `firsts` has the place after the last number's space, and eight
     * more that ascend; `*end` is a start that would touch the run before. May load
     * FSEG_TEXT_AHEAD more characters after any of these, and write FSEG_SLACK more counts. */
    size_t (*read_pairs)(const char *text, const uint16_t *firsts, size_t pairs, uint64_t *end,
                         uint32_t *counts);

    size_t (*write_kaggle)(const uint32_t *counts, size_t runs, uint32_t base, char *text);
    size_t (*write_coco)(const uint32_t *counts, size_t runs, char *text);
} fseg_text_loops;

extern const fseg_text_loops fseg_text_scalar;
#if FSEG_X86
extern const fseg_text_loops fseg_text_sse2;
extern const fseg_text_loops fseg_text_avx2;
extern const fseg_text_loops fseg_text_avx512;
#endif
#if FSEG_ARM
extern const fseg_text_loops fseg_text_neon;
#endif

#endif
