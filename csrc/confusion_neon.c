/* Counting of pairs with NEON. */
#include "confusion_loops.h"

#if FSEG_ARM

#define TARGET

static inline unsigned ones(uint64_t word)
{
    return vaddv_u8(vcnt_u8(vcreate_u8(word)));
}

static inline void fetch(const void *bytes)
{
    __builtin_prefetch(bytes);
}

static inline uint64_t equal_bits(const uint8_t *bytes, uint8_t value)
{
    const uint8x16_t all = vdupq_n_u8(value);
    const uint8x16_t places = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t parts[4];
    for (int i = 0; i < 4; i++)
        parts[i] = vandq_u8(vceqq_u8(vld1q_u8(bytes + 16 * i), all), places);
    uint8x16_t low = vpaddq_u8(parts[0], parts[1]), high = vpaddq_u8(parts[2], parts[3]);
    low = vpaddq_u8(low, high);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(low, low)), 0);
}

#include "confusion_body.h"

const fseg_confusion_loops fseg_confusion_neon = {
    count,    pairs,     narrow,    narrow_some, widen_f16, widen_bf16, copy_f32,   copy_f64,
    raise_f32, raise_f64, bytes_f32, bytes_f64,   over,      place,      second_row,
};
#else
typedef int fseg_confusion_neon_is_for_arm;
#endif
