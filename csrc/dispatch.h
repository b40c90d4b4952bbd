/* The versions of the inner loops, one for each instruction set, and the one in use.
 *
 * A subject (pack, decode, text, merge, confusion) has a table of loops in <subject>_loops.h and fills it once
 * for each instruction set, in <subject>_<instruction set>.c. Where an instruction set brings
 * nothing, its table names the function of a lower one. Loops check nothing. */
#ifndef FACESEG_DISPATCH_H
#define FACESEG_DISPATCH_H

#include "confusion_loops.h"
#include "decode_loops.h"
#include "merge_loops.h"
#include "pack_loops.h"
#include "text_loops.h"

typedef struct {
    const char *name;
    const fseg_pack_loops *pack;
    const fseg_decode_loops *decode;
    const fseg_text_loops *text;
    const fseg_merge_loops *merge;
    const fseg_confusion_loops *confusion;
} fseg_version;

/* Never NULL: the scalar version until fseg_select chose another. */
extern const fseg_version *fseg_active;

#endif
