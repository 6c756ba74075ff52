"""The processes that share a training: their devices, their shares of a batch, and the mean over them."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from torch import Tensor

from sarnet.config import Precision, TrainingSettings
from sarnet.errors import ConfigError


def make_fabric(settings: TrainingSettings) -> Fabric:
    """Return Lightning Fabric on the devices and in the arithmetic that the settings name, launched."""
    precision = used_precision(settings.precision)
    strategy = "auto" if settings.devices == 1 else "ddp"
    fabric = Fabric(accelerator="auto", devices=settings.devices, strategy=strategy, precision=precision)
    fabric.launch()
    return fabric


def used_precision(precision: Precision) -> Literal["32-true", "bf16-mixed"]:
    """Return the arithmetic that ``auto`` stands for on this machine, or the one that was named."""
    if precision != "auto":
        return precision
    return "bf16-mixed" if _computes_in_bfloat16() else "32-true"


def is_first_process() -> bool:
    """Return whether this is the only process, or the first of several: the one that writes and reports."""
    several = torch.distributed.is_available() and torch.distributed.is_initialized()
    return not several or torch.distributed.get_rank() == 0


def check_shares(name: str, pairs: int, *, devices: int) -> None:
    """Refuse a batch that cannot be split evenly: the mean over processes would not be that of the batch.

    Raises:
        ConfigError: If the number of pairs is no multiple of that of the devices.
    """
    if pairs % devices:
        raise ConfigError(f"{name} is {pairs}, but {devices} devices share them: give a multiple")


def average_gradients(fabric: Fabric, parameters: Iterable[torch.nn.Parameter]) -> None:
    """Replace each gradient by its mean over all processes: one message for all of them."""
    if fabric.world_size == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    averaged = fabric.all_reduce(flat, reduce_op="mean")
    assert isinstance(averaged, Tensor)
    parts = torch.split(averaged, [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def shared_means(fabric: Fabric, figures: Mapping[str, Tensor]) -> dict[str, float]:
    """Return each figure's mean over all processes: one message for all of them."""
    averaged = fabric.all_reduce(torch.stack([figure.detach().float() for figure in figures.values()]))
    assert isinstance(averaged, Tensor)
    return dict(zip(figures, averaged.tolist(), strict=True))


def _computes_in_bfloat16() -> bool:
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    # emulated, it takes ten times as long as float32; older torch cannot tell what the processor has
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
