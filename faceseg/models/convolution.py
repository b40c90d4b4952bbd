"""Convolutions that give what `torch.nn.Conv2d` gives, sooner.

On a CPU PyTorch 2.15 differentiates most depthwise ones by a reference implementation, and any
dilated one multiplies by weights that meet nothing but padding.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Conv2d(nn.Conv2d):
    """`torch.nn.Conv2d` with a short way for two cases of a MobileNet under DeepLab's head.

    Depthwise on a CPU, in training: the derivatives are convolutions that oneDNN has fast code
    for. On one core with AMX a backward pass of (16, 960, 8, 8), 5 x 5, dilation 2, in bfloat16
    takes 26 ms instead of 137.

    Dilated by at least the height and width of its input: every weight but the middle one meets
    padding alone, so the middle one is all that is multiplied.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (N, in_channels, H, W)."""
        if _only_the_middle(self, x):
            return F.conv2d(x, self.weight[:, :, 1:2, 1:2], self.bias)
        if self.training and x.device.type == "cpu" and _is_usual_depthwise(self):
            weight = self.weight
            if torch.is_autocast_enabled("cpu"):
                dtype = torch.get_autocast_dtype("cpu")
                x, weight = x.to(dtype), weight.to(dtype)
            result: Tensor = _Depthwise.apply(x, weight, self.stride[0], self.dilation[0])
            return result
        return super().forward(x)


def _only_the_middle(layer: nn.Conv2d, x: Tensor) -> bool:
    height, width = x.shape[2:]
    if not (type(height) is int and type(width) is int):
        # A symbol of an export, whose value is not known: the general form.
        return False
    return (
        (layer.kernel_size, layer.stride, layer.groups) == ((3, 3), (1, 1), 1)
        and layer.padding == layer.dilation
        and layer.dilation[0] >= height
        and layer.dilation[1] >= width
    )


def _is_usual_depthwise(layer: nn.Conv2d) -> bool:
    kernel, stride, dilation = layer.kernel_size[0], layer.stride[0], layer.dilation[0]
    return (
        layer.groups == layer.in_channels == layer.out_channels
        and layer.bias is None
        and layer.kernel_size == (kernel, kernel)
        and layer.stride == (stride, stride)
        and layer.dilation == (dilation, dilation)
        and kernel % 2 == 1
        and layer.padding == (kernel // 2 * dilation,) * 2
        and (stride == 1 or dilation == 1)
    )


class _Depthwise(torch.autograd.Function):
    """A depthwise convolution whose padding keeps the size, or divides it by the stride alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, dilation: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.dilation = stride, dilation
        padding = weight.shape[2] // 2 * dilation
        return F.conv2d(x, weight, None, stride, padding, dilation, weight.shape[0])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, weight = ctx.saved_tensors
        stride, dilation = ctx.stride, ctx.dilation
        to_x = to_weight = None
        if ctx.needs_input_grad[0]:
            to_x = _by_input(grad, weight, x.shape, stride, dilation)
        if ctx.needs_input_grad[1]:
            to_weight = _by_weight(grad, x, weight, stride, dilation)
        return to_x, to_weight, None, None


def _by_input(
    grad: Tensor, weight: Tensor, shape: torch.Size, stride: int, dilation: int
) -> Tensor:
    """Return the derivative by the input: a convolution with the kernel turned around."""
    if stride > 1:
        spread = torch.zeros(shape, dtype=grad.dtype).to(memory_format=torch.channels_last)
        spread[:, :, ::stride, ::stride] = grad
        grad = spread
    padding = weight.shape[2] // 2 * dilation
    return F.conv2d(grad, weight.flip(2, 3), None, 1, padding, dilation, weight.shape[0])


def _by_weight(grad: Tensor, x: Tensor, weight: Tensor, stride: int, dilation: int) -> Tensor:
    """Return the derivative by the kernel, made in float32: oneDNN's code for it is the faster."""
    grad, x = _phases(grad, dilation), _phases(x, dilation)
    padding = weight.shape[2] // 2
    result: Tensor = torch.ops.aten.convolution_backward(
        grad,
        x,
        weight.float(),
        None,
        [stride] * 2,
        [padding] * 2,
        [1, 1],
        False,
        [0, 0],
        weight.shape[0],
        [False, True, False],
    )[1]
    return result.to(weight.dtype)


def _phases(x: Tensor, dilation: int) -> Tensor:
    """Part (N, C, H, W) into the pictures that a dilated kernel sees one at a time, in float32."""
    x = x.float().contiguous(memory_format=torch.channels_last)
    if dilation == 1:
        return x
    height, width = x.shape[2:]
    x = F.pad(x, (0, -width % dilation, 0, -height % dilation))
    parts = [x[:, :, i::dilation, j::dilation] for i in range(dilation) for j in range(dilation)]
    return torch.cat(parts).contiguous(memory_format=torch.channels_last)


def shorten(network: nn.Module) -> None:
    """Make each of PyTorch's convolutions in a network one of this module's, weights kept."""
    _exchange(network, nn.Conv2d, Conv2d)


def restore(network: nn.Module) -> None:
    """Undo `shorten`, for a comparison."""
    _exchange(network, Conv2d, nn.Conv2d)


def _exchange(network: nn.Module, old: type[nn.Module], new: type[nn.Module]) -> None:
    for layer in network.modules():
        if type(layer) is old:
            layer.__class__ = new
