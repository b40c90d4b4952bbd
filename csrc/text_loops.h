/* Inner loops of the texts. Readers go as far as the text is ordinary and valid, in whole steps, and
 * leave the rest to the checked reading in text.c; writers write everything. */
#ifndef FACESEG_TEXT_LOOPS_H
#define FACESEG_TEXT_LOOPS_H

#include "portable.h"

/* How far a text has been read. All before `at` is valid and in `counts`. */
typedef struct {
    const char *text;
    size_t length;
    uint32_t *counts;
    size_t runs;
    size_t at;     /* begin of a number, or space before one */
    size_t tokens; /* numbers before `at`; Kaggle: even */
    uint64_t end;  /* pixels before the next run */
    uint64_t area;
    uint64_t base; /* Kaggle */
} fseg_reader;

typedef struct {
    size_t (*kaggle_tokens)(const char *text, size_t length);
    size_t (*coco_numbers)(const char *text, size_t length);
    void (*read_kaggle)(fseg_reader *reader);
    void (*read_coco)(fseg_reader *reader);
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
