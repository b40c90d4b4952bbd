/* How a function inside csrc/ says that it failed. */
#ifndef FACESEG_STATUS_H
#define FACESEG_STATUS_H

#include "faceseg.h"

static inline fseg_status fail(fseg_fault *fault, fseg_status status, size_t position,
                               int64_t found, int64_t expected)
{
    fault->position = position;
    fault->found = found;
    fault->expected = expected;
    return status;
}

#endif
