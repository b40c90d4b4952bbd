/* Bits of words: what the versions of the inner loops share. */
#ifndef FACESEG_MERGE_BITS_H
#define FACESEG_MERGE_BITS_H

#include "merge_loops.h"

/* The pixels before some change: all ones if foreground, else 0. */
typedef struct {
    uint64_t a;
    uint64_t b;
    uint64_t result;
} pixels;

MERGE_TARGET static inline uint64_t fseg_apply(fseg_operation operation, uint64_t a, uint64_t b)
{
    switch (operation) {
    case FSEG_AND:
        return a & b;
    case FSEG_OR:
        return a | b;
    case FSEG_XOR:
        return a ^ b;
    default:
        return a & ~b;
    }
}

/* Bit i of the result is the parity of the bits 0 to i. */
MERGE_TARGET static inline uint64_t fseg_parities(uint64_t word)
{
    word ^= word << 1;
    word ^= word << 2;
    word ^= word << 4;
    word ^= word << 8;
    word ^= word << 16;
    return word ^ word << 32;
}

/* The changes of both masks, in order and up to 64 of n, tell the result. Bit i of `of_b`: change i
 * is one of b; of `doubled`: it is one of a, and the next is one of b at the same pixel. Bit i of
 * `*result` is the pixel after change i; the bits returned are the changes that the result has. */
MERGE_TARGET static inline uint64_t fseg_follow(fseg_operation operation, uint64_t of_b,
                                                uint64_t doubled, size_t n, pixels *now,
                                                uint64_t *result)
{
    size_t last = n < 64 ? n - 1 : 63;
    uint64_t parities = fseg_parities(of_b), result_before = now->result & 1;
    uint64_t a = parities ^ now->a ^ UINT64_C(0x5555555555555555), b = parities ^ now->b;
    uint64_t after = fseg_apply(operation, a, b);
    after = (after & ~doubled) | ((after << 1 | result_before) & doubled);
    uint64_t changed = (after ^ (after << 1 | result_before)) & ~UINT64_C(0) >> (63 - last);
    now->a = 0 - (a >> last & 1);
    now->b = 0 - (b >> last & 1);
    now->result = 0 - (after >> last & 1);
    *result = after;
    return changed;
}

/* Where to cut two ascending lists in four: after 1, 2 and 3 times `step` keys of both, of which so
 * many are of a. */
MERGE_TARGET static inline void fseg_split(const uint32_t *a, size_t a_n, const uint32_t *b,
                                           size_t b_n, size_t step, size_t of_a[4])
{
    size_t left[4], any;
    for (size_t l = 1; l < 4; l++) {
        of_a[l] = l * step > b_n ? l * step - b_n : 0;
        left[l] = (l * step < a_n ? l * step : a_n) - of_a[l];
    }
    do {
        any = 0;
        for (size_t l = 1; l < 4; l++) {
            size_t half = left[l] / 2, at = of_a[l] + half;
            const uint32_t *before = b + (l * step - at) - 1;
            int is_less = (a[at] < *before) & (left[l] > 0);
            of_a[l] = is_less ? at + 1 : of_a[l];
            left[l] = is_less ? left[l] - half - 1 : half;
            any |= left[l];
        }
    } while (any);
}

/* Toggle the bits of a tile from each change to the end of its word; whether there were any.
 * Consecutive changes are often in one word, and each waits until the one before is stored: with
 * four tiles in turn, for masks of many changes, that is 2 cycles for a change instead of 7. */
MERGE_TARGET static inline int fseg_toggle(fseg_cursor *cursor, uint64_t start, uint64_t area,
                                           uint64_t *words)
{
    const uint32_t *first = cursor->next, *next = first, *last = cursor->last;
    uint64_t end = 64 * FSEG_TILE_WORDS, change = cursor->change - start, ones = ~UINT64_C(0);
    int is_last = end > area - start;
    if (is_last)
        end = area - start;
    if (next < last && (uint64_t)(last - next) * 256 > area - start) {
        /* A load waits for a store that is a multiple of 4096 bytes away: the tiles are not. */
        uint64_t others[3][FSEG_TILE_WORDS + 24] = {{0}};
        while (last - next > 4) {
            uint64_t second = change + next[0], third = second + next[1], fourth = third + next[2];
            if (fourth >= end)
                break;
            words[change / 64] ^= ones << change % 64;
            others[0][second / 64] ^= ones << second % 64;
            others[1][third / 64] ^= ones << third % 64;
            others[2][fourth / 64] ^= ones << fourth % 64;
            change = fourth + next[3];
            next += 4;
        }
        for (size_t i = 0; i < FSEG_TILE_WORDS; i++)
            words[i] ^= others[0][i] ^ others[1][i] ^ others[2][i];
    }
    while (change < end) {
        words[change / 64] ^= ones << change % 64;
        change += *next++;
    }
    cursor->change = change + start;
    cursor->next = next;
    if ((next - first) % 2)
        cursor->inside = ~cursor->inside;
    if (is_last && cursor->inside) /* background after the end */
        words[end / 64] ^= ones << end % 64;
    return next != first || is_last;
}

MERGE_TARGET static void combine(fseg_operation operation, uint64_t *words, const uint64_t *others)
{
    switch (operation) {
    case FSEG_AND:
        for (size_t i = 0; i < FSEG_TILE_WORDS; i++)
            words[i] &= others[i];
        break;
    case FSEG_OR:
        for (size_t i = 0; i < FSEG_TILE_WORDS; i++)
            words[i] |= others[i];
        break;
    case FSEG_XOR:
        for (size_t i = 0; i < FSEG_TILE_WORDS; i++)
            words[i] ^= others[i];
        break;
    case FSEG_MINUS:
        for (size_t i = 0; i < FSEG_TILE_WORDS; i++)
            words[i] &= ~others[i];
        break;
    }
}

#endif
