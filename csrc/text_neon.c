/* Loops of the texts with NEON. */
#include "text_loops.h"
#include "text_numbers.h"

#if FSEG_ARM

#include "text_pack.h"

enum { WIDE_AGAIN = 8 /* steps before short numbers are hoped for again */ };

static inline uint8x16_t load(const char *text)
{
    return vld1q_u8((const uint8_t *)text);
}

/* The weight of each byte's bit in a mask of eight. */
static inline uint8x16_t weights(void)
{
    return vreinterpretq_u8_u64(vdupq_n_u64(UINT64_C(0x8040201008040201)));
}

/* 64 bits, one for each byte that is all ones. */
static inline uint64_t bits(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d)
{
    uint8x16_t low = vpaddq_u8(vandq_u8(a, weights()), vandq_u8(b, weights()));
    uint8x16_t high = vpaddq_u8(vandq_u8(c, weights()), vandq_u8(d, weights()));
    low = vpaddq_u8(low, high);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(low, low)), 0);
}

/* 16 bits, one for each byte that is all ones. */
static inline unsigned few_bits(uint8x16_t a)
{
    a = vandq_u8(a, weights());
    a = vpaddq_u8(a, a);
    a = vpaddq_u8(a, a);
    return vgetq_lane_u16(vreinterpretq_u16_u8(vpaddq_u8(a, a)), 0);
}

static inline size_t count(uint64_t word)
{
    return vaddv_u8(vcnt_u8(vcreate_u8(word)));
}

/* --- counting --------------------------------------------------------------------------------- */

static inline uint8x16_t spaces(const char *at)
{
    uint8x16_t text = load(at), control = vsubq_u8(text, vdupq_n_u8('\t'));
    return vorrq_u8(vcleq_u8(control, vdupq_n_u8('\r' - '\t')), vceqq_u8(text, vdupq_n_u8(' ')));
}

static size_t kaggle_tokens(const char *text, size_t length)
{
    size_t tokens = 0, i = 0;
    uint64_t before = 1;
    for (; i + 64 <= length; i += 64) {
        const char *at = text + i;
        uint64_t space = bits(spaces(at), spaces(at + 16), spaces(at + 32), spaces(at + 48));
        tokens += count(~space & (space << 1 | before));
        before = space >> 63;
    }
    return tokens + fseg_text_more_tokens(text + i, length - i, !before);
}

/* All bits of the bytes that are not the last group of their number. */
static inline uint8x16_t goes_on(const char *at)
{
    return vtstq_u8(vsubq_u8(load(at), vdupq_n_u8('0')), vdupq_n_u8(0x20));
}

static size_t coco_numbers(const char *text, size_t length)
{
    size_t more = 0, i = 0;
    for (; i + 64 <= length; i += 64) {
        const char *at = text + i;
        more += count(bits(goes_on(at), goes_on(at + 16), goes_on(at + 32), goes_on(at + 48)));
    }
    return i - more + fseg_text_scalar.coco_numbers(text + i, length - i);
}

/* --- COCO, writing ---------------------------------------------------------------------------- */

/* Write the bytes of `text` whose bit is set. */
static inline char *pack(uint8x16_t text, unsigned kept, char *to)
{
    uint8x8_t low = vcreate_u8(fseg_text_pack[kept & 0xff]);
    uint8x8_t high = vcreate_u8(fseg_text_pack[kept >> 8]);
    text = vqtbl1q_u8(text, vcombine_u8(low, vadd_u8(high, vdup_n_u8(8))));
    vst1_u8((uint8_t *)to, vget_low_u8(text));
    to += count(kept & 0xff);
    vst1_u8((uint8_t *)to, vget_high_u8(text));
    return to + count(kept >> 8);
}

/* Write 8 differences of up to 2 groups each; NULL if there are others. */
static inline char *write_twos(const uint32_t *counts, char *text)
{
    uint32x4_t a = vld1q_u32(counts), b = vld1q_u32(counts + 4), before = vld1q_u32(counts - 2);
    int32x4_t huge = vreinterpretq_s32_u32(vorrq_u32(vorrq_u32(a, b), before));
    int32x4_t low = vreinterpretq_s32_u32(vsubq_u32(a, before));
    int32x4_t high = vreinterpretq_s32_u32(vsubq_u32(b, vld1q_u32(counts + 2)));
    int16x8_t number = vqmovn_high_s32(vqmovn_s32(low), high);
    uint16x8_t size = vreinterpretq_u16_s16(veorq_s16(number, vshrq_n_s16(number, 15)));
    if (FSEG_UNLIKELY(vmaxvq_u16(size) > 0x1ff || vminvq_s32(huge) < 0))
        return NULL;
    uint16x8_t more = vcgtq_u16(size, vdupq_n_u16(0xf));
    uint16x8_t bits = vreinterpretq_u16_s16(number);
    uint16x8_t groups = vandq_u16(bits, vdupq_n_u16(0x1f));
    groups = vorrq_u16(groups, vandq_u16(vshlq_n_u16(bits, 3), vdupq_n_u16(0x1f00)));
    groups = vorrq_u16(groups, vandq_u16(more, vdupq_n_u16(0x20)));
    uint8x16_t keep = vreinterpretq_u8_u16(vorrq_u16(more, vdupq_n_u16(0xff)));
    return pack(vaddq_u8(vreinterpretq_u8_u16(groups), vdupq_n_u8('0')), few_bits(keep), text);
}

/* Write 4 differences of up to 4 groups each; NULL if there are others. */
static inline char *write_fours(const uint32_t *counts, char *text)
{
    uint32x4_t now = vld1q_u32(counts), before = vld1q_u32(counts - 2);
    if (FSEG_UNLIKELY(vmaxvq_u32(vorrq_u32(now, before)) > 0x7ffff))
        return NULL;
    uint32x4_t number = vsubq_u32(now, before);
    int32x4_t sign = vshrq_n_s32(vreinterpretq_s32_u32(number), 31);
    uint32x4_t size = veorq_u32(number, vreinterpretq_u32_s32(sign));
    uint32x4_t groups = vandq_u32(number, vdupq_n_u32(0x1f));
    groups = vorrq_u32(groups, vandq_u32(vshlq_n_u32(number, 3), vdupq_n_u32(0x1f00)));
    groups = vorrq_u32(groups, vandq_u32(vshlq_n_u32(number, 6), vdupq_n_u32(0x1f0000)));
    groups = vorrq_u32(groups, vandq_u32(vshlq_n_u32(number, 9), vdupq_n_u32(0x1f000000)));
    uint32x4_t keep = vdupq_n_u32(0xff);
    keep = vorrq_u32(keep, vandq_u32(vcgtq_u32(size, vdupq_n_u32(0xf)), vdupq_n_u32(0xff00)));
    keep = vorrq_u32(keep, vandq_u32(vcgtq_u32(size, vdupq_n_u32(0x1ff)), vdupq_n_u32(0xff0000)));
    keep = vorrq_u32(keep,
                     vandq_u32(vcgtq_u32(size, vdupq_n_u32(0x3fff)), vdupq_n_u32(0xff000000)));
    groups = vorrq_u32(groups, vandq_u32(vshrq_n_u32(keep, 8), vdupq_n_u32(0x20202020)));
    return pack(vaddq_u8(vreinterpretq_u8_u32(groups), vdupq_n_u8('0')),
                few_bits(vreinterpretq_u8_u32(keep)), text);
}

static size_t write_coco(const uint32_t *counts, size_t runs, char *text)
{
    char *to = text, *next;
    size_t i = 0, wide = 0;
    for (; i < 3 && i < runs; i++)
        to = fseg_write_groups(counts[i], to);
    while (i + 8 <= runs) {
        if (!wide) {
            next = write_twos(counts + i, to);
            if (next) {
                to = next;
                i += 8;
                continue;
            }
            wide = WIDE_AGAIN;
        }
        wide--;
        next = write_fours(counts + i, to);
        if (FSEG_LIKELY(next != NULL)) {
            to = next;
            i += 4;
            continue;
        }
        for (size_t stop = i + 4; i < stop; i++)
            to = fseg_write_groups(fseg_difference(counts, i), to);
    }
    for (; i < runs; i++)
        to = fseg_write_groups(fseg_difference(counts, i), to);
    return (size_t)(to - text);
}

/* --- COCO, reading ---------------------------------------------------------------------------- */

/* What a character adds, as a signed byte. */
static inline int8x16_t value(uint8x16_t text)
{
    uint8x16_t upper = vandq_u8(vcgtq_u8(text, vdupq_n_u8(0x3f)), vdupq_n_u8(0x20));
    return vreinterpretq_s8_u8(vsubq_u8(vsubq_u8(text, vdupq_n_u8('0')), upper));
}

/* All bits of the bytes that are not the last group of their number. */
static inline uint8x16_t inner(uint8x16_t text)
{
    return vcgtq_u8(text, vdupq_n_u8(0x4f));
}

/* All bits of the bytes that are in no valid text, with the one after them. */
static inline uint8x16_t strange(uint8x16_t text, uint8x16_t more, uint8x16_t after)
{
    /* A last group of only the sign that the group before shows: '0' or 'O'. */
    uint8x16_t sign = vandq_u8(vcgtq_u8(text, vdupq_n_u8(0x5f)), vdupq_n_u8('0' ^ 'O'));
    uint8x16_t idle = vandq_u8(vceqq_u8(veorq_u8(after, sign), vdupq_n_u8('0')), more);
    return vorrq_u8(idle, vcgtq_u8(vsubq_u8(text, vdupq_n_u8('0')), vdupq_n_u8(0x3f)));
}

/* Of eight characters, the value of the number that would begin there. */
static inline int16x8_t join(int8x8_t first, int8x8_t second, int8x8_t third)
{
    int16x8_t number = vmovl_s8(first);
    number = vmlal_s8(number, second, vdup_n_s8(32));
    return vaddq_s16(number, vshlq_n_s16(vmovl_s8(third), 10));
}

/* Write those of eight numbers whose bit is set; return how many. */
static inline size_t put_numbers(int16x8_t values, unsigned set, uint32_t *numbers)
{
    uint8x8_t places = vcreate_u8(fseg_text_pack[set]);
    uint16x8_t pairs = vmull_u8(places, vdup_n_u8(2));
    pairs = vmlaq_n_u16(vdupq_n_u16(0x0100), pairs, 0x0101);
    int16x8_t packed = vreinterpretq_s16_u8(
        vqtbl1q_u8(vreinterpretq_u8_s16(values), vreinterpretq_u8_u16(pairs)));
    vst1q_u32(numbers, vreinterpretq_u32_s32(vmovl_s16(vget_low_s16(packed))));
    vst1q_u32(numbers + 4, vreinterpretq_u32_s32(vmovl_high_s16(packed)));
    return count(set);
}

/* The value of the number that begins at each character is put together, of up to three groups;
 * then those where one does begin are kept. */
static size_t read_groups(const char *text, size_t length, uint32_t *numbers, size_t *used)
{
    size_t n = 0, i = 0;
    unsigned inside = 0; /* whether a number goes on into this step */
    length = fseg_whole_numbers(text, length);
    for (; i < length; i += 16) {
        uint8x16_t a = load(text + i), b = load(text + i + 1), c = load(text + i + 2);
        uint8x16_t more = inner(a), more2 = vandq_u8(more, inner(b));
        uint8x16_t wrong = vorrq_u8(strange(a, more, b), vandq_u8(more2, inner(c)));
        if (FSEG_UNLIKELY(vmaxvq_u8(wrong)))
            break;
        unsigned go_on = few_bits(more);
        unsigned first = ~(go_on << 1 | inside) & 0xffff & (unsigned)fseg_low_bits(length - i);
        inside = go_on >> 15;
        int8x16_t one = value(a);
        int8x16_t two = vandq_s8(value(b), vreinterpretq_s8_u8(more));
        int8x16_t three = vandq_s8(value(c), vreinterpretq_s8_u8(more2));
        int16x8_t low = join(vget_low_s8(one), vget_low_s8(two), vget_low_s8(three));
        int16x8_t high = join(vget_high_s8(one), vget_high_s8(two), vget_high_s8(three));
        n += put_numbers(low, first & 0xff, numbers + n);
        n += put_numbers(high, first >> 8, numbers + n);
    }
    if (i < length) {
        /* A number that goes on among the characters that were refused is counted, wrongly. */
        length = fseg_whole_numbers(text, i);
        n -= length < i;
    }
    *used = length;
    return n;
}

static int add_up(uint32_t *counts, size_t n, const uint32_t before[2], uint64_t *sum)
{
    const uint32x4_t zero = vdupq_n_u32(0);
    uint32_t last[2] = {before[0], before[1]};
    uint64_t rest;
    uint32x4_t pair = vcombine_u32(vld1_u32(last), vld1_u32(last));
    int32x4_t least = vdupq_n_s32(1);
    uint64x2_t both = vdupq_n_u64(0);
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        uint32x4_t run = vld1q_u32(counts + i);
        run = vaddq_u32(run, vextq_u32(zero, run, 2));
        uint32x4_t step = vcombine_u32(vget_high_u32(run), vget_high_u32(run));
        run = vaddq_u32(run, pair);
        pair = vaddq_u32(pair, step);
        vst1q_u32(counts + i, run);
        least = vminq_s32(least, vreinterpretq_s32_u32(run));
        both = vpadalq_u32(both, run);
    }
    vst1_u32(last, vget_low_u32(pair));
    int positive = fseg_text_add_up(counts + i, n - i, last, &rest);
    *sum = vaddvq_u64(both) + rest;
    return positive && vminvq_s32(least) > 0;
}

/* --- Kaggle ----------------------------------------------------------------------------------- */

static inline uint8x16_t digits(const char *at)
{
    return vcleq_u8(vsubq_u8(load(at), vdupq_n_u8('0')), vdupq_n_u8(9));
}

static inline uint8x16_t blanks(const char *at)
{
    return vceqq_u8(load(at), vdupq_n_u8(' '));
}

static size_t find_numbers(const char *text, size_t length, uint16_t *firsts, size_t *seen)
{
    size_t n = 0, i = 0;
    uint64_t before = 0, first;
    for (; i < length; i += 64) {
        const char *at = text + i;
        uint64_t digit = bits(digits(at), digits(at + 16), digits(at + 32), digits(at + 48));
        uint64_t space = bits(blanks(at), blanks(at + 16), blanks(at + 32), blanks(at + 48));
        if (FSEG_UNLIKELY(!fseg_firsts(digit, space, length - i, &before, &first)))
            break;
        size_t found = count(first);
        fseg_note(first, found, i, firsts + n);
        n += found;
    }
    *seen = i < length ? i : length;
    return n;
}

const fseg_text_loops fseg_text_neon = {kaggle_tokens,
                                        coco_numbers,
                                        read_groups,
                                        add_up,
                                        find_numbers,
                                        fseg_text_read_pairs,
                                        fseg_text_write_kaggle,
                                        write_coco};

#else
typedef int fseg_text_neon_unused;
#endif
