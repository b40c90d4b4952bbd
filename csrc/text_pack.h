/* Where the set bits of a byte are: what a shuffle needs to put the chosen ones of eight elements
 * next to each other. */
#ifndef FACESEG_TEXT_PACK_H
#define FACESEG_TEXT_PACK_H

#include <stdint.h>

/* Entry m: byte k is the place of the k-th set bit of m, 0 after the last. */
extern const uint64_t fseg_text_pack[256];

#endif
