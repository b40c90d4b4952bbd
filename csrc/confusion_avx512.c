/* Counting of pairs with AVX-512. */
#include "confusion_loops.h"

#if FSEG_X86

#define TARGET FSEG_AVX512
#define ones (unsigned)_mm_popcnt_u64

FSEG_AVX512 static inline void fetch(const void *bytes)
{
    _mm_prefetch((const char *)bytes, _MM_HINT_T0);
}

FSEG_AVX512 static inline uint64_t equal_bits(const uint8_t *bytes, uint8_t value)
{
    return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(bytes), _mm512_set1_epi8((char)value));
}

#include "confusion_body.h"

const fseg_confusion_loops fseg_confusion_avx512 = {
    count,     pairs,     narrow,    widen_f16, widen_bf16,
    raise_f32, raise_f64, bytes_f32, bytes_f64,
};
#else
typedef int fseg_confusion_avx512_is_for_x86;
#endif
