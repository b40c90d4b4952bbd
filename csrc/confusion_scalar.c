/* Counting of pairs in plain C: eight bytes at a time in a uint64_t. */
#include "confusion_loops.h"

#include <string.h>

#define TARGET
#define ones fseg_popcount

static inline void fetch(const void *bytes)
{
    (void)bytes;
}

static inline uint64_t equal_bits(const uint8_t *bytes, uint8_t value)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint64_t found = 0;
    for (size_t i = 0; i < 64; i += 8) {
        uint64_t eight;
        memcpy(&eight, bytes + i, sizeof eight);
        if (FSEG_BIG_ENDIAN)
            eight = fseg_swap(eight);
        eight ^= value * UINT64_C(0x0101010101010101);
        eight = ~(((eight & low) + low) | eight | low) >> 7;
        found |= (eight * UINT64_C(0x0102040810204080) >> 56) << i;
    }
    return found;
}

#include "confusion_body.h"

const fseg_confusion_loops fseg_confusion_scalar = {
    count,    pairs,     narrow,    narrow_some, widen_f16, widen_bf16, copy_f32,   copy_f64,
    raise_f32, raise_f64, bytes_f32, bytes_f64,   over,      place,      second_row,
};
