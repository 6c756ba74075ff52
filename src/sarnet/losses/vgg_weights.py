"""The files that VGG16's weights come in, and what each of them wants to see."""

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from sarnet.errors import DataError, WeightsError
from sarnet.losses.vgg import VggFeatures, VggRecord

OXFORD = VggRecord(name="oxford", scale=255.0, mean=(123.68, 116.779, 103.939), std=(1.0, 1.0, 1.0))
"""The original weights of Simonyan & Zisserman."""

TORCHVISION = VggRecord(name="torchvision", scale=1.0, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
"""Those that torchvision trained and publishes."""

_PUBLISHED = "https://download.pytorch.org/models/vgg16-397923af.pth"
_PUBLISHED_HASH = "397923af"
"""What the file's SHA-256 begins with: torchvision puts it into the name."""

_HOW_TO_GET = (
    "get torchvision's (528 MB) with "
    f"python -c \"import torch; torch.hub.load_state_dict_from_url('{_PUBLISHED}', check_hash=True)\", "
    "or give a file that is there, or switch the term off (vgg = 0 among the weights)"
)


def read_vgg(path: Path | None = None) -> VggFeatures:
    """Read VGG16's convolutions.

    Args:
        path: torchvision's published ``.pth`` file, known by its hash; or a ``.safetensors`` file with torchvision's
            names (``features.0.weight``) whose metadata name, under ``input``, the mean to be subtracted from red,
            green and blue. Where it is left out, torchvision's file in the cache of ``torch.hub``.

    Returns:
        The network, frozen, in evaluation mode and float32, with the record of what it wants to see.

    Raises:
        DataError: If there is no such file.
        WeightsError: If the file is damaged or another one than its name promises, or lacks one of the 26 tensors.
    """
    path = _published_file() if path is None else path
    if not path.is_file():
        raise DataError(f"vgg weights {path} do not exist: {_HOW_TO_GET}")
    record, tensors = _read_safetensors(path) if path.suffix == ".safetensors" else _read_published(path)
    convolutions = {name: value.float() for name, value in tensors.items() if name.startswith("features.")}
    with torch.device("meta"):  # no weights are drawn that would be thrown away
        features = VggFeatures(record)
    try:
        features.load_state_dict(convolutions, assign=True)
    except RuntimeError as error:
        line = " ".join(str(error).split())
        raise WeightsError(f"vgg weights {path} are not those of VGG16: {line}") from error
    features.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third faster on CPUs
    return features.eval().requires_grad_(False)


def _published_file() -> Path:
    """Where torch.hub keeps torchvision's file."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / _PUBLISHED.rpartition("/")[2]
    if not path.is_file():
        raise DataError(f"vgg weights are not at {path}: {_HOW_TO_GET}")
    return path


def _read_published(path: Path) -> tuple[VggRecord, dict[str, Tensor]]:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(_PUBLISHED_HASH):
        raise WeightsError(
            f"vgg weights {path} have the SHA-256 {found[:8]}..., but torchvision's have {_PUBLISHED_HASH}...: "
            f"get {_PUBLISHED} again, or give a .safetensors file"
        )
    return TORCHVISION, torch.load(path, map_location="cpu", weights_only=True)


def _read_safetensors(path: Path) -> tuple[VggRecord, dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"vgg weights {path} cannot be read as a safetensors file: {error}") from error
    said = metadata.get("input", "").replace(" ", "")
    means = {",".join(f"{value:g}" for value in record.mean): record for record in (OXFORD, TORCHVISION)}
    for mean, record in means.items():
        if mean in said:
            return record, tensors
    raise WeightsError(
        f"vgg weights {path} have {metadata.get('input')!r} as the metadata 'input', but it must name the mean that "
        f"they want subtracted: {' or '.join(means)}"
    )
