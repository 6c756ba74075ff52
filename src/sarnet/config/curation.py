"""What becomes of an archive's images on their way into prepared data."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from sarnet.config.settings import Settings


class CurationSettings(Settings):
    """What becomes of an archive's images on their way into prepared data."""

    size: int | None = Field(default=None, ge=8)
    """Voxels along every axis: the image is stretched onto them; with ``spacing_mm`` it is cut or padded about its
    centre instead. Left out, every image keeps its own."""
    slices: Literal["middle"] | None = None
    """What becomes of a volume or a stack: its middle slice along the last axis, z; left out, it stays whole."""
    spacing_mm: float | None = Field(default=None, gt=0)
    """Millimetres between voxels along every axis; left out, every image keeps its own."""
    normalise: bool = False
    """Whether intensities are brought to [0, 1] and stored as floating point."""
    selection: Literal["paper", "all"] = "paper"
    """``chestxray14`` and ``adni``: the images that the paper's rule takes, or every one."""
    masks: Path | None = None
    """Folder of masks by their images' names, for archives that have none."""
    mask_values: tuple[int, ...] = ()
    """Values of a mask that are inside; left out, 255 where a mask has it, else every value but 0."""
    mask_model: str | None = None
    """What draws masks where there are none: a released generator with masks, or a file of one or of a U-Net."""
    columns: dict[str, str] = Field(default_factory=dict)
    """``csv``: what the file calls a column, by what it is called here: ``columns.patient=subject``."""
    pattern: str | None = None
    """``folder``: regular expression, searched in an image's path, whose groups ``patient``, ``visit`` and ``group``
    say whose it is."""
    suffix: str = "T1w"
    """``bids``: which images."""
    dimension: Literal[2, 3] = 3
    """``oasis``: volumes, or the slices that come with them."""
    brain: Literal["done", "mask", "deepbet"] = "done"
    """How a head becomes a brain: it is one, by its mask, or by deepbet's network (an extra)."""
    template: str | None = None
    """What volumes are aligned to, affinely: ``mni``, the packaged ICBM 152 template, or a file; ``none`` or left out,
    nothing."""
    atlas: bool = False
    """Whether aligned volumes are averaged into ``atlas.nii.gz``."""
