/* Portable loops of the texts. */
#include "text_loops.h"

#include <string.h>

static size_t kaggle_tokens(const char *text, size_t length)
{
    size_t tokens = 0;
    int before = 1;
    for (size_t i = 0; i < length; i++) {
        int space = text[i] == ' ' || (text[i] >= '\t' && text[i] <= '\r');
        tokens += (size_t)(before & !space);
        before = space;
    }
    return tokens;
}

static size_t coco_numbers(const char *text, size_t length)
{
    size_t numbers = 0;
    for (size_t i = 0; i < length; i++)
        numbers += ((unsigned char)(text[i] - '0') & 0x20) == 0;
    return numbers;
}

static void read_nothing(fseg_reader *reader)
{
    (void)reader;
}

static char *write_number(uint64_t number, char *text)
{
    char digits[20];
    size_t first = sizeof digits;
    do
        digits[--first] = (char)('0' + number % 10);
    while (number /= 10);
    memcpy(text, digits + first, sizeof digits - first);
    text += sizeof digits - first;
    *text = ' ';
    return text + 1;
}

static size_t write_kaggle(const uint32_t *counts, size_t runs, uint32_t base, char *text)
{
    char *to = text;
    uint64_t start = base;
    for (size_t i = 0; i + 1 < runs; i += 2) {
        start += counts[i];
        to = write_number(start, to);
        to = write_number(counts[i + 1], to);
        start += counts[i + 1];
    }
    return to == text ? 0 : (size_t)(to - text) - 1;
}

static size_t write_coco(const uint32_t *counts, size_t runs, char *text)
{
    char *to = text;
    for (size_t i = 0; i < runs; i++) {
        uint64_t number = counts[i] - (i > 2 ? (uint64_t)counts[i - 2] : 0);
        uint64_t sign = 0 - (number >> 63);
        uint64_t rest = number ^ sign;
        for (; rest >> 4; rest >>= 5)
            *to++ = (char)('0' + (0x20 | ((rest ^ sign) & 0x1f)));
        *to++ = (char)('0' + ((rest ^ sign) & 0x1f));
    }
    return (size_t)(to - text);
}

const fseg_text_loops fseg_text_scalar = {kaggle_tokens, coco_numbers, read_nothing,
                                          read_nothing,  write_kaggle, write_coco};
#if FSEG_X86
const fseg_text_loops fseg_text_sse2 = {kaggle_tokens, coco_numbers, read_nothing,
                                        read_nothing,  write_kaggle, write_coco};
const fseg_text_loops fseg_text_avx2 = {kaggle_tokens, coco_numbers, read_nothing,
                                        read_nothing,  write_kaggle, write_coco};
const fseg_text_loops fseg_text_avx512 = {kaggle_tokens, coco_numbers, read_nothing,
                                          read_nothing,  write_kaggle, write_coco};
#endif
#if FSEG_ARM
const fseg_text_loops fseg_text_neon = {kaggle_tokens, coco_numbers, read_nothing,
                                        read_nothing,  write_kaggle, write_coco};
#endif
