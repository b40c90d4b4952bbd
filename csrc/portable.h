/* What differs between compilers and processors, in one place. */
#ifndef FACESEG_PORTABLE_H
#define FACESEG_PORTABLE_H

#include <stddef.h>
#include <stdint.h>

#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
#define FSEG_X86 1
#include <immintrin.h>
/* One function, one instruction set: nothing else in the binary may use it. */
#define FSEG_SSE2 __attribute__((target("sse2")))
#define FSEG_AVX2 __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt")))
#define FSEG_AVX512                                                                              \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,"             \
                          "avx512bitalg,avx512vpopcntdq,gfni,avx2,bmi,bmi2,lzcnt,popcnt")))
#else
#define FSEG_X86 0
#endif

#if defined(__aarch64__) && !defined(__AARCH64EB__) && (defined(__GNUC__) || defined(__clang__))
#define FSEG_ARM 1
#include <arm_neon.h>
#else
#define FSEG_ARM 0
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define FSEG_BIG_ENDIAN 1
#else
#define FSEG_BIG_ENDIAN 0
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#include <stdlib.h>
#define FSEG_RESTRICT __restrict
#define FSEG_LIKELY(x) (x)
#define FSEG_UNLIKELY(x) (x)

/* Number of zeros below the lowest one; the word is not zero. */
static __forceinline unsigned fseg_ctz(uint64_t word)
{
    unsigned long at;
#if defined(_M_X64) || defined(_M_ARM64)
    _BitScanForward64(&at, word);
#else
    if (!_BitScanForward(&at, (unsigned long)word)) {
        _BitScanForward(&at, (unsigned long)(word >> 32));
        at += 32;
    }
#endif
    return at;
}

static __forceinline unsigned fseg_clz(uint64_t word)
{
    unsigned long at;
#if defined(_M_X64) || defined(_M_ARM64)
    _BitScanReverse64(&at, word);
#else
    if (_BitScanReverse(&at, (unsigned long)(word >> 32)))
        at += 32;
    else
        _BitScanReverse(&at, (unsigned long)word);
#endif
    return 63 - at;
}

static __forceinline uint64_t fseg_swap(uint64_t word)
{
    return _byteswap_uint64(word);
}
#else
#define FSEG_RESTRICT restrict
#define FSEG_LIKELY(x) __builtin_expect(!!(x), 1)
#define FSEG_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Number of zeros below the lowest one; the word is not zero. */
static inline unsigned fseg_ctz(uint64_t word)
{
    return (unsigned)__builtin_ctzll(word);
}

/* Number of zeros above the highest one; the word is not zero. */
static inline unsigned fseg_clz(uint64_t word)
{
    return (unsigned)__builtin_clzll(word);
}

static inline uint64_t fseg_swap(uint64_t word)
{
    return __builtin_bswap64(word);
}
#endif

/* Number of ones, without the instruction that not every processor has. */
static inline unsigned fseg_popcount(uint64_t word)
{
    word -= word >> 1 & UINT64_C(0x5555555555555555);
    word = (word & UINT64_C(0x3333333333333333)) + (word >> 2 & UINT64_C(0x3333333333333333));
    word = (word + (word >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (unsigned)(word * UINT64_C(0x0101010101010101) >> 56);
}

/* C's own minimum is of doubles. */
static inline size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

#endif
