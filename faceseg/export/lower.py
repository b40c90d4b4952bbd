"""What is written in another form for arithmetic of less precision."""

from __future__ import annotations

import copy
from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def folded(network: nn.Module) -> nn.Module:
    """Return a copy whose convolutions hold the batch normalisation that follows them.

    The variance of a normalisation can be too small for half precision, and an integer convolution
    is to give what the next one takes. Every network here lists a normalisation right after its
    convolution; for one that did otherwise the comparison with eager would fail.
    """
    network = copy.deepcopy(network).eval()
    for module in list(network.modules()):
        children = list(module.named_children())
        for (name, first), (after, second) in pairwise(children):
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(first, second))
                setattr(module, after, nn.Identity())
    return network
