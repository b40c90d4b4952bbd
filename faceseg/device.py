"""The device and the arithmetic a run uses; a choice made here is one the caller prints."""

from __future__ import annotations

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
