"""The device and the arithmetic a run uses; a choice made here is one the caller prints."""

from __future__ import annotations

import ctypes
import os
import sys

import torch

from faceseg.errors import InputError


def choose_device(asked: str) -> torch.device:
    """Return the device for ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

    Raises
    ------
    InputError
        If CUDA was asked for and there is none, or the name is not one of these.
    """
    if asked == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if asked != "cpu" and not asked.startswith("cuda"):
        raise InputError(f"device: {asked!r} given, expected auto, cpu, cuda or cuda:N")
    try:
        device = torch.device(asked)
    except RuntimeError as error:
        raise InputError(f"device: {asked!r} given, expected auto, cpu, cuda or cuda:N") from error
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= count:
        raise InputError(f"device: {asked} asked for, but torch sees {count} CUDA devices")
    return device


def choose_amp(asked: str, device: torch.device) -> torch.dtype | None:
    """Return the lower precision of autocast, None for float32.

    ``"auto"`` takes bfloat16 where the hardware computes in it: CUDA from Ampere on, and CPUs with
    AVX512-BF16 or AMX (elsewhere it is emulated and slower than float32); float16 on older CUDA.

    Raises
    ------
    InputError
        If float16 is asked for on a CPU, whose convolutions lack it.
    """
    if asked == "auto":
        if device.type == "cuda":
            hardware = torch.cuda.is_bf16_supported(including_emulation=False)
            return torch.bfloat16 if hardware else torch.float16
        return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else None
    if asked == "fp16" and device.type == "cpu":
        raise InputError("amp: fp16 asked for on the CPU, expected bf16, fp32 or auto")
    return {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": None}[asked]


# From glibc's malloc.h, with what each is set to: never give the top of the heap back, take nothing
# from mmap, and grow by a quarter of a gigabyte.
_MALLOPT = {"M_TRIM_THRESHOLD": (-1, 2**31 - 1), "M_MMAP_MAX": (-4, 0), "M_TOP_PAD": (-2, 2**28)}


def keep_memory() -> bool:
    """Let this process keep the memory it frees, and return whether it does.

    A step of training frees its activations and asks for the same sizes again; glibc gives them
    back to the system, which clears each page anew: a light U-Net's step takes 1.15 times as long
    on one core (``benchmarks/run.py train``). It holds until the process ends. Where ``MALLOC_...``
    or ``GLIBC_TUNABLES`` are set, or the C library is another one, nothing is changed.
    """
    if sys.platform != "linux" or any(
        name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ
    ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(*pair) == 1 for pair in _MALLOPT.values())
