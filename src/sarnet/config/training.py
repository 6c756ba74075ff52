"""What is trained, on what, and how: simulated pairs, their augmentation, the objective and the stages."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from sarnet.config.networks import DiscriminatorSettings, GeneratorSettings, PeerNetworkSettings
from sarnet.config.objective import ObjectiveSettings
from sarnet.config.settings import Settings


def _check_range(value: tuple[float, float]) -> tuple[float, float]:
    if not 0 < value[0] <= value[1]:
        raise PydanticCustomError("range", "Input should be a range of positive numbers, the smaller one first")
    return value


def _check_lengths(value: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= value[0] <= value[1]:
        raise PydanticCustomError("range", "Input should be a range of lengths, the smaller one first")
    return value


Precision = Literal["auto", "32-true", "bf16-mixed"]
"""Lightning Fabric's name of an arithmetic; ``auto`` is bfloat16 where the processor computes in it."""

Range = Annotated[tuple[float, float], AfterValidator(_check_range)]
"""Smallest and largest of positive numbers."""

CountRange = Annotated[tuple[int, int], AfterValidator(_check_range)]
"""The same of whole numbers."""


class SimulationSettings(Settings):
    """Simulated pairs with a known field (method, section 2)."""

    control_spacing_voxels: tuple[Annotated[float, Field(gt=0)], ...] = Field(default=(16.0, 32.0, 64.0), min_length=1)
    """Distances of the B-spline's controls to draw from; at 256 x 256."""
    peak_voxels: Annotated[tuple[float, float], AfterValidator(_check_lengths)] = (1.0, 20.0)
    """Range of the largest displacement along an axis; at 256 x 256."""
    layers: CountRange = (1, 1)
    """Range of how many such B-splines are added to one field; the paper's has one."""


class AugmentationSettings(Settings):
    """How the training images are made to look like more than X-rays."""

    zoom: Range = (0.5, 1.9)
    """Range of the magnification, drawn evenly in its logarithm."""
    rotation_degrees: float = Field(default=180.0, ge=0)
    """Largest rotation either way."""
    mirror_probability: float = Field(default=0.5, ge=0, le=1)
    """How often left and right change places."""
    remap_probability: float = Field(default=0.6, ge=0, le=1)
    """How often a pair goes through a random piecewise linear intensity map; half of the maps are not monotone."""
    exposure: float = Field(default=0.3, ge=0)
    """Strength of what tells the two images apart: a gamma and a smooth bias of each of them."""
    noise: float = Field(default=0.04, ge=0)
    """Largest standard deviation of added Gaussian noise, of an intensity range of one."""


class SourceSettings(Settings):
    """Where some of the pairs of every step come from."""

    kind: Literal["simulated", "patients", "visits"]
    """``simulated``: an image and itself deformed by a known field. ``patients``: images of two patients. ``visits``:
    the first and a later visit of one patient. Only the first has a known field."""
    pairs: int = Field(ge=1)
    """So many of them in a step."""
    masks: bool = True
    """Whether the mask terms count for them: not where the augmentation leaves no lungs to see."""
    aligned: bool = False
    """Whether different images are first brought together by an affine map, as a network behind an affine start sees
    them. The map of a pair is looked for once, which takes as long as some steps."""
    augmentation: AugmentationSettings = AugmentationSettings()

    @model_validator(mode="after")
    def _check_aligned(self) -> "SourceSettings":
        if self.aligned and self.kind == "simulated":
            raise ValueError("aligned is true, but an image and itself need no affine map: leave it out of simulated")
        return self


class StageSettings(Settings):
    """What every stage of training has."""

    steps: int = Field(default=0, ge=0)
    """Steps until the learning rate has fallen to zero; none: the stage is left out."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Of Adam, at its highest; the paper's."""
    warm_up_steps: int = Field(default=100, ge=0)
    """Steps over which the learning rate rises; a stage of fewer does not get to its highest."""


class InitialSettings(StageSettings):
    """The first stage of training: G alone, by the error of the known field and of the images."""

    batch: int = Field(default=8, ge=1)
    """Pairs in a step."""
    field_norm: Literal["squared", "euclidean"] = "squared"
    """How a vector's error counts: its square, the paper's, or its length."""
    coarse_weight: float = Field(default=0.3, ge=0)
    """Weight of the error of the trunk's own base field; ``matching`` alone has one."""
    image_weight: float = Field(default=1.0, ge=0)
    """Weight of the images' squared error beside the field's."""
    lncc_weight: float = Field(default=0.0, ge=0)
    """Weight of local correlation, a term of this project's own."""
    augmentation: AugmentationSettings = AugmentationSettings()


class AdversarialSettings(StageSettings):
    """The second stage: G and F against their discriminators, by the whole objective (eq. 6 and 7)."""

    discriminator_learning_rate: float = Field(default=1e-3, gt=0)
    """Of the discriminators, at its highest."""
    fusion_learning_rate: float = Field(default=3e-2, gt=0)
    """Of the weights that fuse feature maps into masks: they are logits, a thousand of them, and have far to go."""
    sources: tuple[SourceSettings, ...] = (SourceSettings(kind="simulated", pairs=8),)
    """Where the pairs of a step come from."""
    reverse: Literal["own", "shared"] = "own"
    """F is a network of its own, with a discriminator of its own, as in the paper; or G with the roles of the images
    exchanged, which learns from every pair twice."""
    cycle: Literal["passes", "fields"] = "passes"
    """Whether the way back is another pass of the networks over the warped image, as in the paper, or the field that
    the reverse generator found for the images themselves."""
    judged_scale: int = Field(default=1, ge=1)
    """VGG16 and the discriminators see images reduced so many times."""
    judged_voxels: int | None = Field(default=None, ge=32)
    """They see a random crop of so many voxels squared, at that scale; all of it where this is left out."""
    temperature: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (0.1, 0.02)
    """Softness of the masks' threshold at the first step and at the last."""
    average_decay: float = Field(default=0.0, ge=0, lt=1)
    """Decay a step of the exponential average of G's weights; with zero there is none."""
    picture_steps: int = Field(default=500, ge=1)
    """Steps between two pictures of a validation pair."""
    weights: ObjectiveSettings = ObjectiveSettings()
    discriminator: DiscriminatorSettings = DiscriminatorSettings()


class UnetSettings(StageSettings):
    """The U-Net for comparison; a step has the pairs of those of the second stage's sources that have masks."""

    channels: tuple[int, ...] = Field(default=(16, 32, 64, 128, 256), min_length=2)
    """Channels of each level."""


class PeerSettings(StageSettings):
    """Training of a method that this package's is compared with, by its own loss."""

    network: PeerNetworkSettings = PeerNetworkSettings()
    sources: tuple[SourceSettings, ...] = (SourceSettings(kind="patients", pairs=8),)
    """Where the pairs of a step come from; ``flownet`` learns from ``simulated`` ones alone."""
    smoothness: float = Field(default=1.0, ge=0)
    """``voxelmorph``: weight of the field's squared slope beside local correlation; its authors' value."""


class TrainingSettings(Settings):
    """What is trained, on what; each stage with steps is done, in this order."""

    visits: Path
    """Folder that ``sarnet data prepare`` wrote, or a CSV with the columns image, mask, dataset, patient and visit, and
    paths relative to it."""
    dataset: str | None = None
    """Only rows of this data set, where the CSV holds several."""
    out: Path = Path("runs/training")
    """Folder of checkpoints, logs and weights, a folder inside it for each stage."""
    size: int = Field(default=256, ge=32)
    """Images are resampled to this many pixels squared."""
    start: str | None = None
    """Weights that the first stage done begins with: a released name or a file; else they are drawn."""
    vgg: Path | None = None
    """File of VGG16's weights; without it torchvision's is looked for in torch.hub's cache."""
    beta1: float = Field(default=0.93, gt=0, lt=1)
    """Adam's first moment for the generators and discriminators; the paper's. Other networks have 0.9."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Largest norm of the gradient."""
    precision: Precision = "auto"
    """Lightning Fabric's name of the arithmetic; ``auto`` is bfloat16 where the processor computes in it."""
    devices: int = Field(default=1, ge=1)
    """Processes, each with a share of every batch: as many GPUs, where there are any."""
    checkpoint_minutes: float = Field(default=5.0, gt=0)
    """Most that an interruption loses."""
    validate_steps: int = Field(default=250, ge=1)
    """Steps between two looks at the validation images."""
    seed: int = Field(default=0, ge=0)
    """Of the weights, the pairs and the augmentation."""
    split_seed: int = Field(default=0, ge=0)
    """Of the split by patient: trainings by several seeds leave the same images for tests."""
    generator: GeneratorSettings = GeneratorSettings()
    simulation: SimulationSettings = SimulationSettings()
    initial: InitialSettings = InitialSettings()
    adversarial: AdversarialSettings = AdversarialSettings()
    unet: UnetSettings = UnetSettings()
    peer: PeerSettings = PeerSettings()
