"""Where and how a training computes: Lightning's trainer for this machine."""

import logging
import platform
from pathlib import Path
from typing import Any, Literal, Protocol

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from ecgpipe.base.errors import ParamsError
from ecgpipe.params import Accelerator, Precision

BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}  # Linux's names of the instructions that oneDNN multiplies bfloat16 with


Resolved = Literal["bf16-mixed", "16-mixed", "32-true"]


class Machine(Protocol):
    """The parameters of `train` and `pretrain` that choose where to compute, in Lightning's words."""

    @property
    def precision(self) -> Precision: ...
    @property
    def accelerator(self) -> Accelerator: ...
    @property
    def devices(self) -> int: ...
    @property
    def nodes(self) -> int: ...


def trainer_on(machine: Machine, **options: Any) -> pl.Trainer:
    """A trainer of Lightning's for `machine` with `options`; ParamsError if there is no such hardware here."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # no lines about accelerators that are not there
    try:
        return pl.Trainer(
            precision=resolved_precision(machine.precision, device_type(machine.accelerator)),
            accelerator=machine.accelerator,
            devices=machine.devices,
            num_nodes=machine.nodes,
            enable_model_summary=False,
            **options,
        )
    except (MisconfigurationException, TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ParamsError(
            f"accelerator {machine.accelerator} with {machine.devices} devices on {machine.nodes} nodes: {reason}"
        ) from error


def device_type(accelerator: Accelerator) -> str:
    """The kind of device that Lightning takes for `accelerator`: cpu, cuda or mps."""
    if accelerator in ("cpu", "cuda", "mps"):
        return accelerator
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def resolved_precision(precision: Precision, device: str, flags: set[str] | None = None) -> Resolved:
    """`precision`, or for `auto` the quickest that a device of this kind computes in by itself.

    That is bfloat16 on a CPU with instructions for it and on GPUs from Ampere on, float16 on older ones, else float32:
    a CPU that has to imitate bfloat16 takes five times as long. `flags` are the CPU's, this one's by default.
    """
    if precision != "auto":
        return precision
    if device == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"
    native = device == "cpu" and BFLOAT16_FLAGS & (cpu_flags() if flags is None else flags)
    return "bf16-mixed" if native else "32-true"


def cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> set[str]:
    """What the CPU can do, as `lscpu` lists it; nothing where the system does not say."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return set()
    return next((set(line.partition(":")[2].split()) for line in lines if line.startswith("flags")), set())


def device_name(device: torch.device) -> str:
    """A device in words: the GPU's name, or the CPU's architecture and how many threads torch takes of it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} {device.type.upper()}, {torch.get_num_threads()} threads"
