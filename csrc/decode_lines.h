/* Lines of bits to lines of pixels, and fills, without stores under a mask: whoever includes this
 * defines TARGET, the vector type `elements` and, for the widths 8, 16, 32 and 64,
 *
 *     repeat_8(value)                 elements of one value
 *     write_8(word, pixels, value)    64 pixels
 *     paint_8(word, pixels, value)    those of 64 pixels that are foreground
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

/* Eight bytes of elements, in the order of memory. */
static inline uint64_t eight_bytes(size_t size, uint64_t value)
{
    uint8_t byte = (uint8_t)value;
    uint16_t two = (uint16_t)value, pair[4] = {two, two, two, two};
    uint32_t four = (uint32_t)value, quad[2] = {four, four};
    if (size == 1)
        memset(&value, byte, 8);
    else if (size == 2)
        memcpy(&value, pair, 8);
    else if (size == 4)
        memcpy(&value, quad, 8);
    return value;
}

TARGET static inline void fill(void *pixels, size_t n, size_t size, uint64_t value)
{
    uint8_t *at = pixels;
    size_t bytes = n * size;
    uint64_t eight = eight_bytes(size, value);
    if (eight == (eight & 0xff) * UINT64_C(0x0101010101010101)) {
        memset(pixels, (int)(eight & 0xff), bytes);
        return;
    }
    for (; bytes >= 8; bytes -= 8, at += 8)
        memcpy(at, &eight, 8);
    memcpy(at, &eight, bytes);
}
