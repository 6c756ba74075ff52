"""What a registration says about itself: ``registration.json``, as it is written and as it is read again."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from sarnet.errors import DataError
from sarnet.metrics import mean_of_known
from sarnet.types import LengthUnit

RECORD_FILE = "registration.json"


class _Part(BaseModel):
    """Frozen; keys that a newer version may have added are passed over when read."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class Inputs(_Part):
    """Files that went in; for arrays, nothing."""

    fixed: str | None = None
    moving: str | None = None
    fixed_labels: str | None = None
    moving_labels: str | None = None
    fixed_mask: str | None = None
    moving_mask: str | None = None
    initial_transform: str | None = None
    guide_fixed: str | None = None
    guide_moving: str | None = None
    guide_points: str | None = None


class Files(_Part):
    """Files that came out, by their names in the folder."""

    warped: str = "warped.nii.gz"
    transform: str = "transform.h5"
    inverse: str | None = None
    """Nothing in records of before there was one."""
    displacement: str = "displacement.nii.gz"
    warped_labels: str | None = None
    fixed_mask: str | None = None
    """What the network marks of the fixed image, where its weights make masks."""
    moving_mask: str | None = None
    uncertainty: str | None = None


class RecordedGrid(_Part):
    """Size and spacing of a grid, x first."""

    size: tuple[int, ...]
    spacing_mm: tuple[float, ...]


class AffineRecord(_Part):
    """How the affine start went."""

    start: str
    """Where the search began that won."""
    kept: bool
    """Whether it lowered the cost against the images as they came."""
    iterations: int
    cost_initial: float
    cost_final: float


class Record(_Part):
    """All that a registration measured of itself."""

    version: str
    command: str | None = None
    transform: str
    adapt: str
    similarity: str | None = None
    """What the images were compared by, ``lncc`` or ``nmi``; an affine map alone is judged by it, not
    found."""
    model: str | None = None
    weights_sha256: str | None = None
    seed: int
    threads: int
    settings: dict[str, Any]
    inputs: Inputs = Inputs()
    files: Files = Files()
    grid: RecordedGrid
    """Of the fixed image."""
    moving_grid: RecordedGrid | None = None
    """Nothing in records of before it was kept."""
    network_grid: RecordedGrid | None = None
    """Where the images were compared in the last stage; the network may have seen them on another grid before."""

    seconds: float
    """Compute: arrays in, transform out, affine start included; start-up and files not."""
    seconds_by_stage: dict[str, float]
    affine: AffineRecord | None = None
    iterations: int
    """Of the last layer and of the refinement together; of the affine search, where nothing is deformed."""
    stop_reason: str
    cost_initial: float | None = None
    """Of the last stage with a cost of its own: the refinement, the last layer, else the affine search."""
    cost_final: float | None = None
    cost_history: tuple[float, ...] = ()
    """Of the last layer: before the first iteration and after each. Of a refinement: of its start and its result."""

    similarity_before: float
    """Local correlation (``lncc``) or one less than the normalised mutual information (``nmi``) in the foreground, 0 to
    1, of the images as they came."""
    similarity_after: float
    """The same of the fixed and the warped image."""
    folding_percent: float
    """Share of the foreground's voxels whose Jacobian determinant is zero or below."""
    inverse_residual_mm: float | None = None
    """Mean of ``|T(T^{-1}(q)) - q|`` over the voxels of the moving image that the fixed one reaches."""
    inverse_residual_largest_mm: float | None = None
    """The largest of them; where the field folds it has no inverse, and this is large."""
    inverse_consistency_mm: float | None = None
    """From registering the pair the other way round; nothing where that was not asked for."""
    uncertainty_mm: float | None = None
    """Mean of the map of the uncertainty over the foreground; nothing where that was not asked for."""
    largest_displacement_mm: float
    mean_displacement_mm: float
    verdict: tuple[str, ...]
    """Sentences; the first is the headline."""
    notes: tuple[str, ...] = ()
    """What a user should know of how the images were read."""

    dice_before: dict[str, float | None] = {}
    dice: dict[str, float | None] = {}
    """Label to overlap; nothing for a label that neither the fixed nor the warped image holds."""
    dice_mean_before: float | None = None
    """Over the labels that have an overlap both before and after."""
    dice_mean: float | None = None
    hd95_mm: dict[str, float | None] = {}
    """Label to the 95th percentile of the Hausdorff distance of its outlines; nothing where either lacks the label."""
    mad_mm: dict[str, float | None] = {}
    """The same of their mean absolute distance."""
    known_to_network: bool | None = None
    """Whether the images are of the kind that the network was trained on, as far as its own masks tell: of others the
    masks mean nothing. Nothing where no network looked."""
    length_unit: LengthUnit = "mm"
    """What all lengths here are in: of images without a spacing a millimetre is a pixel."""

    def mean_dice(self) -> tuple[float | None, float | None]:
        """Return the mean overlap before and after: as recorded, or of the labels that have one."""
        before = mean_of_known(self.dice_before.values()) if self.dice_mean_before is None else self.dice_mean_before
        after = mean_of_known(self.dice.values()) if self.dice_mean is None else self.dice_mean
        return before, after


def read_record(folder: Path) -> Record:
    """Read the record of a finished registration.

    Raises:
        DataError: If the folder has none, or it is damaged or lacks a key.
    """
    path = folder / RECORD_FILE
    try:
        return Record.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise DataError(
            f"{folder} holds no {RECORD_FILE}: wanted the folder of a finished registration, "
            "the --out of sarnet register"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{path} cannot be used: {key}: {first['msg']}; register the pair again") from error
    except ValueError as error:  # what is no JSON, and what is no UTF-8
        raise DataError(f"{path} is damaged: {error}; register the pair again") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
