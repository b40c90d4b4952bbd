/* Portable inner loops: eight bytes at a time in a uint64_t, or plain loops that compilers turn
 * into vectors. */
#include "loops.h"

#include <string.h>

#define REPEAT(byte) ((uint64_t)(byte) * UINT64_C(0x0101010101010101))

/* Eight bytes, the first in the lowest bits. */
static inline uint64_t load(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* 0x80 in each byte that is not zero. */
static inline uint64_t nonzero(uint64_t word)
{
    return (((word & REPEAT(0x7f)) + REPEAT(0x7f)) | word) & REPEAT(0x80);
}

/* One bit per byte, from bytes that are 0 or 0x80. */
static inline uint64_t gather(uint64_t word)
{
    return (word >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

/* Sum of the eight bytes. */
static inline uint32_t sum_bytes(uint64_t word)
{
    uint64_t pairs = (word & UINT64_C(0x00ff00ff00ff00ff)) + (word >> 8 & UINT64_C(0x00ff00ff00ff00ff));
    return (uint32_t)(pairs * UINT64_C(0x0001000100010001) >> 48);
}

void fseg_tally_changes_u8_scalar(const uint8_t *restrict a, const uint8_t *restrict b, size_t n,
                                  uint8_t *restrict tally)
{
    for (size_t i = 0; i < n; i++)
        tally[i] = (uint8_t)(tally[i] + ((a[i] != 0) ^ (b[i] != 0)));
}

size_t fseg_find_changes_u8_scalar(const uint8_t *a, const uint8_t *b, size_t n, uint32_t start,
                                   uint32_t *restrict found)
{
    size_t k = 0, i = 0;
    for (; i + 64 <= n; i += 64) {
        uint64_t differ = 0, changes = 0;
        for (size_t j = 0; j < 64; j += 8)
            differ |= load(a + i + j) ^ load(b + i + j);
        if (!differ)
            continue;
        /* One bit per pixel, and one loop over all 64, whose end is mispredicted once. */
        for (size_t j = 0; j < 64; j += 8)
            changes |= gather(nonzero(load(a + i + j)) ^ nonzero(load(b + i + j))) << j;
        for (; changes; changes &= changes - 1)
            found[k++] = start + (uint32_t)i + (uint32_t)__builtin_ctzll(changes);
    }
    for (; i < n; i++)
        if ((a[i] != 0) != (b[i] != 0))
            found[k++] = start + (uint32_t)i;
    return k;
}

void fseg_xor_u8_scalar(uint8_t *restrict row, const uint8_t *restrict above, size_t n)
{
    for (size_t i = 0; i < n; i++)
        row[i] ^= above[i];
}

uint8_t fseg_max_u8_scalar(const uint8_t *values, size_t n)
{
    uint8_t largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = values[i] > largest ? values[i] : largest;
    return largest;
}

size_t fseg_drop_u8_scalar(const uint8_t *restrict prediction, const uint8_t *restrict target,
                           size_t n, uint8_t ignore, uint8_t *restrict kept_prediction,
                           uint8_t *restrict kept_target)
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

uint64_t fseg_narrow_i64_scalar(const int64_t *restrict labels, size_t n, uint8_t *restrict bytes)
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
                                size_t classes, int64_t *restrict matrix)
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
