/* Lines of bits to lines of pixels, and fills, without stores under a mask: whoever includes this
 * defines TARGET, the vector type `elements` and, for the widths 8, 16, 32 and 64,
 *
 *     repeat_8(value)                 elements of one value
 *     write_8(word, pixels, value)    64 pixels
 *     paint_8(word, pixels, value)    those of 64 pixels that are foreground
 *
 * and put(pixels, value), which stores one vector.
 */

/* The last pixels of a line are written as the last 64, some of them again, or, if there are not as
 * many, by way of a buffer. */
#define LINE(name, width)                                                                          \
    TARGET static inline void name##_line_##width(const uint64_t *bits, size_t step, size_t n,     \
                                                  uint8_t *pixels, elements value)                 \
    {                                                                                              \
        enum { SIZE = width / 8 };                                                                 \
        size_t rest = n % 64;                                                                      \
        const uint8_t *end = pixels + (n - rest) * SIZE;                                           \
        for (; pixels != end; bits += step, pixels += 64 * SIZE) {                                 \
            for (size_t i = 0; i < SIZE; i++)                                                      \
                ask(pixels + 64 * i);                                                              \
            name##_##width(*bits, pixels, value);                                                  \
        }                                                                                          \
        if (rest && n > 64) {                                                                      \
            uint64_t word = bits[0] << (64 - rest) | *(bits - step) >> rest;                       \
            name##_##width(word, pixels - (64 - rest) * SIZE, value);                              \
        } else if (rest) {                                                                         \
            uint8_t buffer[64 * SIZE];                                                             \
            memcpy(buffer, pixels, rest * SIZE);                                                   \
            name##_##width(*bits, buffer, value);                                                  \
            memcpy(pixels, buffer, rest * SIZE);                                                   \
        }                                                                                          \
    }
LINE(write, 8)
LINE(write, 16)
LINE(write, 32)
LINE(write, 64)
LINE(paint, 8)
LINE(paint, 16)
LINE(paint, 32)
LINE(paint, 64)

#define LINES(name, width)                                                                         \
    do {                                                                                           \
        elements value = repeat_##width(target->value);                                            \
        for (size_t y = 0; y < lines->lines; y++, pixels += target->stride) {                      \
            name##_line_##width(lines->words + y * lines->next, lines->step, lines->length,        \
                                pixels + left, value);                                             \
            if (left && !target->paint)                                                            \
                memset(pixels, 0, left);                                                           \
            if (right != end && !target->paint)                                                    \
                memset(pixels + right, 0, end - right);                                            \
        }                                                                                          \
    } while (0)

TARGET static void expand(const bit_lines *lines, uint8_t *pixels, const fseg_target *target)
{
    size_t left = lines->left * target->size, right = left + lines->length * target->size;
    size_t end = right + lines->right * target->size;
    switch (target->size << 1 | (target->paint != 0)) {
    case 2: LINES(write, 8); break;
    case 3: LINES(paint, 8); break;
    case 4: LINES(write, 16); break;
    case 5: LINES(paint, 16); break;
    case 8: LINES(write, 32); break;
    case 9: LINES(paint, 32); break;
    case 16: LINES(write, 64); break;
    default: LINES(paint, 64); break;
    }
}

/* Elements of one value. */
typedef struct {
    uint64_t eight;
    elements all;
} pattern;

/* `pixels`, or `nowhere` if there are fewer bytes than `least`. */
TARGET static inline uint8_t *if_so_many(uintptr_t place, size_t bytes, size_t least,
                                         uint8_t *nowhere)
{
    uint8_t *pixels = (uint8_t *)place;
#if FSEG_X86
    /* Compilers make a branch of it, that is mispredicted. */
    __asm__("cmp %[least], %[bytes]\n\t"
            "cmovb %[nowhere], %[pixels]"
            : [pixels] "+r"(pixels)
            : [bytes] "r"(bytes), [least] "ri"(least), [nowhere] "r"(nowhere)
            : "cc");
    return pixels;
#else
    return bytes < least ? nowhere : pixels;
#endif
}

/* Write 1 to 16 bytes without a branch on their number, which is noise at the edges of masks: 1, 2,
 * 4 and 8 at both ends, elsewhere if these are too many. The last that fit are whole elements. */
TARGET static inline void write_few(uint8_t *pixels, size_t bytes, uint64_t eight)
{
    uint8_t nowhere[8];
    uintptr_t first = (uintptr_t)pixels, end = first + bytes;
    memcpy(pixels, &eight, 1);
    memcpy(if_so_many(first, bytes, 2, nowhere), &eight, 2);
    memcpy(if_so_many(end - 2, bytes, 2, nowhere), &eight, 2);
    memcpy(if_so_many(first, bytes, 4, nowhere), &eight, 4);
    memcpy(if_so_many(end - 4, bytes, 4, nowhere), &eight, 4);
    memcpy(if_so_many(first, bytes, 8, nowhere), &eight, 8);
    memcpy(if_so_many(end - 8, bytes, 8, nowhere), &eight, 8);
}

enum { SHORT = sizeof(elements) > 16 ? sizeof(elements) : 16 };

/* Write 1 to SHORT bytes, whole elements. */
TARGET static inline void write_short(uint8_t *pixels, size_t bytes, const pattern *of)
{
    if (bytes <= 16) {
        write_few(pixels, bytes, of->eight);
        return;
    }
    uint8_t *last = pixels + bytes - 16;
    for (size_t i = 0; i < 16; i += 8) {
        memcpy(pixels + i, &of->eight, 8);
        memcpy(last + i, &of->eight, 8);
    }
}

/* Write `bytes` > 0 bytes, whole elements. Up to four vectors are four stores, some of them at one
 * place, to have few branches on the number. */
TARGET static inline void write_run(uint8_t *pixels, size_t bytes, const pattern *of)
{
    enum { VECTOR = sizeof(elements) };
    const elements all = of->all;
    if (bytes <= SHORT) {
        write_short(pixels, bytes, of);
        return;
    }
    if (bytes > 4 * VECTOR) {
        uint8_t *last = pixels + bytes - 4 * VECTOR;
        for (; pixels < last; pixels += 4 * VECTOR)
            for (size_t i = 0; i < 4; i++)
                put(pixels + i * VECTOR, all);
        pixels = last;
        bytes = 4 * VECTOR;
    }
    size_t last = bytes - VECTOR;
    put(pixels, all);
    put(pixels + least(VECTOR, last), all);
    put(pixels + (last > VECTOR ? last - VECTOR : 0), all);
    put(pixels + last, all);
}

TARGET static inline pattern pattern_of(uint64_t eight)
{
    pattern of = {eight, repeat_64(eight)};
    return of;
}

TARGET static inline void fill(void *pixels, size_t n, size_t size, uint64_t value)
{
    uint64_t eight = eight_bytes(size, value);
    pattern of = pattern_of(eight);
    if (eight == (eight & 0xff) * UINT64_C(0x0101010101010101))
        memset(pixels, (int)(eight & 0xff), n * size);
    else if (n)
        write_run(pixels, n * size, &of);
}
