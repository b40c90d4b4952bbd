/* Portable inner loops: eight bytes at a time in a uint64_t, or plain loops that compilers turn
 * into vectors. */
#include "confusion_loops.h"

#include <string.h>

#define REPEAT(byte) ((uint64_t)(byte) * UINT64_C(0x0101010101010101))

/* Eight bytes, the first in the lowest bits. */
static inline uint64_t load(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return FSEG_BIG_ENDIAN ? fseg_swap(word) : word;
}

/* Sum of the eight bytes. */
static inline uint32_t sum_bytes(uint64_t word)
{
    uint64_t low = UINT64_C(0x00ff00ff00ff00ff), pairs = (word & low) + (word >> 8 & low);
    return (uint32_t)(pairs * UINT64_C(0x0001000100010001) >> 48);
}

uint8_t fseg_max_u8_scalar(const uint8_t *values, size_t n)
{
    uint8_t largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = values[i] > largest ? values[i] : largest;
    return largest;
}

size_t fseg_drop_u8_scalar(const uint8_t *FSEG_RESTRICT prediction,
                           const uint8_t *FSEG_RESTRICT target, size_t n, uint8_t ignore,
                           uint8_t *FSEG_RESTRICT kept_prediction,
                           uint8_t *FSEG_RESTRICT kept_target)
{
    size_t dropped = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t keep = target[i] == ignore ? 0 : 0xff;
        kept_prediction[i] = prediction[i] & keep;
        kept_target[i] = target[i] & keep;
    }
    for (size_t i = 0; i < n; i++)
        dropped += target[i] == ignore;
    return dropped;
}

uint64_t fseg_narrow_i64_scalar(const int64_t *FSEG_RESTRICT labels, size_t n,
                                uint8_t *FSEG_RESTRICT bytes)
{
    uint64_t all = 0;
    for (size_t i = 0; i < n; i++) {
        all |= (uint64_t)labels[i];
        bytes[i] = (uint8_t)labels[i];
    }
    return all;
}

void fseg_count_binary_u8_scalar(const uint8_t *prediction, const uint8_t *target, size_t n,
                                 int64_t *matrix)
{
    uint64_t predicted8 = 0, true8 = 0, both8 = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t p = load(prediction + i), t = load(target + i);
        predicted8 += p;
        true8 += t;
        both8 += p & t;
    }
    int64_t predicted = sum_bytes(predicted8), truth = sum_bytes(true8), both = sum_bytes(both8);
    for (; i < n; i++) {
        predicted += prediction[i];
        truth += target[i];
        both += prediction[i] & target[i];
    }
    matrix[0] += (int64_t)n - predicted - truth + both;
    matrix[1] += predicted - both;
    matrix[2] += truth - both;
    matrix[3] += both;
}

void fseg_count_pairs_u8_scalar(const uint8_t *prediction, const uint8_t *target, size_t n,
                                size_t classes, int64_t *FSEG_RESTRICT matrix)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        /* Labels come in patches: eight equal pairs are one addition. */
        if (load(prediction + i) == REPEAT(prediction[i]) && load(target + i) == REPEAT(target[i])) {
            matrix[target[i] * classes + prediction[i]] += 8;
            continue;
        }
        for (size_t j = i; j < i + 8; j++)
            matrix[target[j] * classes + prediction[j]]++;
    }
    for (; i < n; i++)
        matrix[target[i] * classes + prediction[i]]++;
}
