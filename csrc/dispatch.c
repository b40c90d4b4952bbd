/* Which versions this binary has, which of them this processor and system can run, and which is in
 * use. */
#include "dispatch.h"
#include "faceseg.h"

#include <string.h>

#if FSEG_X86
#include <cpuid.h>

enum { AVX2 = 1, AVX512 = 2 };

static int has(unsigned word, unsigned bits)
{
    return (word & bits) == bits;
}

/* What the processor offers and the system saves when it switches threads. */
static unsigned detect(void)
{
    unsigned a, b, c, d, found = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, 1u << 27 | 1u << 28 | 1u << 23)) /* OSXSAVE, AVX, POPCNT */
        return 0;
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    (void)high;
    if (!has(low, 0x6)) /* SSE and AVX registers */
        return 0;
    unsigned extended_c = 0;
    if (__get_cpuid(0x80000001, &a, &b, &c, &d))
        extended_c = c;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return 0;
    /* BMI1, AVX2, BMI2; LZCNT */
    if (has(b, 1u << 3 | 1u << 5 | 1u << 8) && has(extended_c, 1u << 5))
        found |= AVX2;
    /* F, DQ, BW, VL; VBMI, VBMI2, GFNI, BITALG, VPOPCNTDQ; mask and upper registers */
    if (found && has(low, 0xe0) && has(b, 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31)
        && has(c, 1u << 1 | 1u << 6 | 1u << 8 | 1u << 12 | 1u << 14))
        found |= AVX512;
    return found;
}
#endif

static const fseg_version SCALAR = {"scalar", &fseg_pack_scalar, &fseg_decode_scalar,
                                    &fseg_text_scalar, &fseg_merge_scalar, &fseg_confusion_scalar};
#if FSEG_X86
static const fseg_version SSE2_VERSION = {"sse2", &fseg_pack_sse2, &fseg_decode_sse2,
                                          &fseg_text_sse2, &fseg_merge_sse2, &fseg_confusion_sse2};
static const fseg_version AVX2_VERSION = {"avx2", &fseg_pack_avx2, &fseg_decode_avx2,
                                          &fseg_text_avx2, &fseg_merge_avx2, &fseg_confusion_avx2};
static const fseg_version AVX512_VERSION = {"avx512", &fseg_pack_avx512, &fseg_decode_avx512,
                                            &fseg_text_avx512, &fseg_merge_avx512, &fseg_confusion_avx512};
#endif
#if FSEG_ARM
static const fseg_version NEON = {"neon", &fseg_pack_neon, &fseg_decode_neon, &fseg_text_neon,
                                  &fseg_merge_neon, &fseg_confusion_neon};
#endif

const fseg_version *fseg_active = &SCALAR;

/* The versions that run here, the fastest last. */
static size_t runnable(const fseg_version *versions[FSEG_MOST_VERSIONS])
{
    size_t n = 0;
    versions[n++] = &SCALAR;
#if FSEG_X86
    unsigned found = detect();
    versions[n++] = &SSE2_VERSION;
    if (found & AVX2)
        versions[n++] = &AVX2_VERSION;
    if (found & AVX512)
        versions[n++] = &AVX512_VERSION;
#endif
#if FSEG_ARM
    versions[n++] = &NEON;
#endif
    return n;
}

size_t fseg_versions(const char *names[FSEG_MOST_VERSIONS])
{
    const fseg_version *versions[FSEG_MOST_VERSIONS];
    size_t n = runnable(versions);
    for (size_t i = 0; i < n; i++)
        names[i] = versions[i]->name;
    return n;
}

const char *fseg_selected(void)
{
    return fseg_active->name;
}

int fseg_select(const char *name)
{
    const fseg_version *versions[FSEG_MOST_VERSIONS];
    size_t n = runnable(versions);
    for (size_t i = n; i-- > 0;)
        if (!name || strcmp(versions[i]->name, name) == 0) {
            fseg_active = versions[i];
            return 1;
        }
    return 0;
}
