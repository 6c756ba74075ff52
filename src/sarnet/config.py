"""Settings of every stage, and how they are read: a TOML file, then ``--set key=value``, every key checked."""

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sarnet.errors import ConfigError


class Settings(BaseModel):
    """Base of all settings: frozen, and closed to names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class GeneratorSettings(Settings):
    """What the generator is built of (method, section 3)."""

    trunk: Literal["residual", "matching"] = "matching"
    """``residual``: the paper's, on the two stacked images. ``matching``: encodes each image and compares the maps."""
    stride: Literal[1, 2, 4] = 4
    """Voxels of the image to one of the trunk's grid (space to depth); the paper's network has 1."""
    blocks: int = Field(default=5, ge=1)
    """Residual blocks before the last layer; the paper does not say, SRGAN has 16."""
    maps: int = Field(default=64, ge=4)
    """Feature maps of every convolution."""
    normalisation: Literal["batch", "group", "none"] = "none"
    """What follows a convolution inside a block; the paper's is ``batch``. Its statistics are those of the images that
    one process has: with several of them, and with it alone, gradients are not those of one process on the whole
    batch."""
    encoder_blocks: int = Field(default=2, ge=1)
    """``matching`` alone: residual blocks that encode each image."""
    matched_maps: int = Field(default=16, ge=1)
    """``matching`` alone: maps that the features are projected to before they are correlated."""
    radius: int = Field(default=3, ge=1)
    """``matching`` alone: half width of the correlation window, in voxels of the trunk's grid."""
    synthesizes: bool = False
    """Whether it gives an image of its own making beside the field, as the paper's does."""
    segments: bool = False
    """Whether masks come out of its feature maps."""


class DiscriminatorSettings(Settings):
    """What the discriminators are built of (method, section 4), and what of an image they are shown."""

    maps: int = Field(default=64, ge=4)
    """Maps of the first convolution; the last has eight times as many. The paper's 64 to 512."""


class UnetSettings(Settings):
    """The U-Net for comparison: its channels, and how it is trained on the masks of the same images."""

    channels: tuple[int, ...] = Field(default=(16, 32, 64, 128, 256), min_length=2)
    """Channels of each level."""
    steps: int = Field(default=0, ge=0)
    """Steps until the learning rate has fallen to zero; none: it is not trained. A step has the pairs of those of the
    second stage's sources that have masks."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Of Adam, at its highest."""
    warm_up_steps: int = Field(default=100, ge=0)
    """Steps over which the learning rate rises."""


class SimulationSettings(Settings):
    """Simulated pairs with a known field (method, section 2)."""

    control_spacing_voxels: tuple[float, ...] = (16.0, 32.0, 64.0)
    """Distances of the B-spline's controls to draw from; at 256 x 256."""
    peak_voxels: tuple[float, float] = (1.0, 20.0)
    """Range of the largest displacement along an axis; at 256 x 256."""
    layers: tuple[int, int] = (1, 1)
    """Range of how many such B-splines are added to one field; the paper's has one."""


class AugmentationSettings(Settings):
    """How the training images are made to look like more than X-rays."""

    zoom: tuple[float, float] = (0.5, 1.9)
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


class ObjectiveSettings(Settings):
    """The weight of every term of the objective (eq. 2 to 6); zero switches a term off: nothing of it is computed."""

    nmi: float = Field(default=1.0, ge=0)
    """Normalised mutual information of fixed and warped image (eq. 2)."""
    ssim: float = Field(default=1.0, ge=0)
    """Structural similarity (eq. 2)."""
    vgg: float = Field(default=1.0, ge=0)
    """Distance of VGG16's feature maps (eq. 2); its weights must be at hand."""
    adversarial: float = Field(default=1.0, ge=0)
    """How well the discriminator tells the warped from the real image (eq. 3)."""
    cycle: float = Field(default=10.0, ge=0)
    """Whether an image that went there and back is itself again (eq. 4); the paper's lambda."""
    mask_overlap: float = Field(default=1.0, ge=0)
    """Overlap of the fixed mask and the warped one (eq. 5)."""
    mask_supervision: float = Field(default=1.0, ge=0)
    """Overlap of the masks out of the feature maps with the manual ones (section 2.1)."""
    field: float = Field(default=1.0, ge=0)
    """Squared error of the known field, the paper's form (eq. 5)."""
    tie: float = Field(default=1.0, ge=0)
    """Distance of the synthesized to the warped image, this project's own."""
    field_length: float = Field(default=0.0, ge=0)
    """Mean length of the known field's error in voxels: what the first stage goes by. This project's own."""
    coarse_field: float = Field(default=0.0, ge=0)
    """The same of the trunk's own base field; ``matching`` alone has one. This project's own."""
    lncc: float = Field(default=0.0, ge=0)
    """Local correlation of fixed and warped image, this project's own."""
    inverse_consistency: float = Field(default=0.0, ge=0)
    """Mean length in voxels of both fields one after the other, this project's own."""
    smoothness: float = Field(default=0.0, ge=0)
    """Squared slope of the field, this project's own."""
    folding: float = Field(default=0.0, ge=0)
    """How far the Jacobian determinant is below a small margin, this project's own."""


class SourceSettings(Settings):
    """Where some of the pairs of every step come from."""

    kind: Literal["simulated", "patients", "visits"]
    """``simulated``: an image and itself deformed by a known field. ``patients``: images of two patients. ``visits``:
    the first and a later visit of one patient. Only the first has a known field."""
    pairs: int = Field(ge=1)
    """So many of them in a step."""
    masks: bool = True
    """Whether the mask terms count for them: not where the augmentation leaves no lungs to see."""
    augmentation: AugmentationSettings = AugmentationSettings()


class InitialSettings(Settings):
    """The first stage of training: G alone, by the error of the known field and of the images."""

    steps: int = Field(default=100_000, ge=0)
    """Steps until the learning rate has fallen to zero; the paper's 1e5. None: the stage is left out."""
    batch: int = Field(default=8, ge=1)
    """Pairs in a step."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Of Adam, at its highest; the paper's."""
    warm_up_steps: int = Field(default=100, ge=0)
    """Steps over which the learning rate rises."""
    field_norm: Literal["squared", "euclidean"] = "squared"
    """How a vector's error counts: its square, the paper's, or its length."""
    coarse_weight: float = Field(default=0.3, ge=0)
    """Weight of the error of the trunk's own base field; ``matching`` alone has one."""
    image_weight: float = Field(default=1.0, ge=0)
    """Weight of the images' squared error beside the field's."""
    lncc_weight: float = Field(default=0.0, ge=0)
    """Weight of local correlation, a term of this project's own."""
    augmentation: AugmentationSettings = AugmentationSettings()


class AdversarialSettings(Settings):
    """The second stage: G and F against their discriminators, by the whole objective (eq. 6 and 7)."""

    steps: int = Field(default=100_000, ge=0)
    """Steps until the learning rate has fallen to zero; the paper's 1e5. None: the stage is left out."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Of G and F, at its highest; the paper's."""
    discriminator_learning_rate: float = Field(default=1e-3, gt=0)
    """Of the discriminators, at its highest."""
    fusion_learning_rate: float = Field(default=3e-2, gt=0)
    """Of the weights that fuse feature maps into masks: they are logits, a thousand of them, and have far to go."""
    warm_up_steps: int = Field(default=100, ge=0)
    """Steps over which the learning rates rise."""
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
    temperature: tuple[float, float] = (0.1, 0.02)
    """Softness of the masks' threshold at the first step and at the last."""
    average_decay: float = Field(default=0.0, ge=0, lt=1)
    """Decay a step of the exponential average of G's weights; with zero there is none."""
    picture_steps: int = Field(default=500, ge=1)
    """Steps between two pictures of a validation pair."""
    weights: ObjectiveSettings = ObjectiveSettings()
    discriminator: DiscriminatorSettings = DiscriminatorSettings()


class TrainingSettings(Settings):
    """What is trained, on what; each stage with steps is done, in this order."""

    visits: Path
    """CSV with the columns image, mask, dataset, patient and visit; paths relative to it."""
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
    """Adam's first moment; the paper's."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Largest norm of the gradient."""
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    """Lightning Fabric's name of the arithmetic; ``auto`` is bfloat16 where the processor computes in it."""
    devices: int = Field(default=1, ge=1)
    """Processes, each with a share of every batch: as many GPUs, where there are any."""
    checkpoint_minutes: float = Field(default=5.0, gt=0)
    """Most that an interruption loses."""
    validate_steps: int = Field(default=250, ge=1)
    """Steps between two looks at the validation images."""
    seed: int = 0
    """Of the split, the weights, the pairs and the augmentation."""
    generator: GeneratorSettings = GeneratorSettings()
    simulation: SimulationSettings = SimulationSettings()
    initial: InitialSettings = InitialSettings()
    adversarial: AdversarialSettings = AdversarialSettings(steps=0)
    unet: UnetSettings = UnetSettings()


class AdaptationSettings(Settings):
    """How the last layer is adapted to a pair (method, section 7)."""

    reads: Literal["last", "all"] = "all"
    """Which blocks' maps the adapted layer reads: those it was trained on, or those of the earlier blocks, too."""
    window_voxels: int = Field(default=9, ge=3)
    """Width of the window of local correlation, odd."""
    smoothness: float = Field(default=0.5, ge=0)
    """Weight of the field's squared slope beside one minus the local correlation."""
    fewest_iterations: int = Field(default=5, ge=1)
    """The stopping rule holds after this many."""
    most_iterations: int = Field(default=30, ge=1)
    """At most this many; the paper's 30."""
    tolerance: float = Field(default=0.01, ge=0)
    """Stop when the cost changes by less than this share between two iterations; the paper's 1 %."""


class RefinementSettings(Settings):
    """How the field itself is refined after the last layer, coarse to fine."""

    factors: tuple[int, ...] = (4, 2, 1)
    """Voxels of the network's grid to one of each level; levels on which an axis would have few voxels are skipped."""
    iterations: tuple[int, ...] = (40, 40, 30)
    """Of each level."""
    window_voxels: int = Field(default=9, ge=3)
    """Width of the window of local correlation on every level, odd."""
    step_voxels: float = Field(default=0.1, gt=0)
    """Length of a step, as a root mean square over the foreground, in voxels of the level."""
    fluid_voxels: float = Field(default=1.7, ge=0)
    """Standard deviation of the Gaussian that smooths each step."""
    elastic_voxels: float = Field(default=0.5, ge=0)
    """The same of the whole field after each step."""

    @model_validator(mode="after")
    def _check_levels(self) -> "RefinementSettings":
        if len(self.factors) != len(self.iterations):
            raise ValueError(f"factors {self.factors} and iterations {self.iterations} must be as many")
        if self.window_voxels % 2 == 0:
            raise ValueError(f"window_voxels is {self.window_voxels}, but must be odd")
        return self


class RegistrationSettings(Settings):
    """How a pair is registered."""

    transform: Literal["rigid", "affine", "deformable"] = "deformable"
    """What the result may do; ``deformable`` is an affine map and a field."""
    adapt: Literal["none", "last-layer", "refined"] = "last-layer"
    """What is adapted to the pair: nothing, the generator's last layer, or that and then the field itself."""
    model: str = "sarnet-cxr-initial"
    """Name of released weights, or the path of a ``.safetensors`` file."""
    longest_voxels: int = Field(default=288, ge=32)
    """The foreground is registered on a grid of at most this many voxels along an axis."""
    magnified_voxels: int = Field(default=416, ge=0)
    """The network sees the pair magnified, up to twofold, as long as no axis has more voxels than this."""
    seed: int = 0
    """Kept in the record; nothing of a registration is drawn at random so far."""
    threads: int | None = Field(default=None, ge=1)
    """Threads to compute with; all cores where it is left out."""
    budget: float | None = Field(default=None, gt=0)
    """Seconds that refining may take; without, it does all its iterations."""
    adaptation: AdaptationSettings = AdaptationSettings()
    refinement: RefinementSettings = RefinementSettings()


ElastixMetric = Literal[
    "NormalizedMutualInformation", "AdvancedMattesMutualInformation", "AdvancedNormalizedCorrelation"
]
"""elastix's names of similarities."""


class ElastixSettings(Settings):
    """How elastix registers a pair: an affine map, then a cubic B-spline whose grid gets finer from level to level."""

    metric: ElastixMetric = "AdvancedMattesMutualInformation"
    """The similarity that the B-spline is fitted by; the affine map's is mutual information."""
    control_spacing_mm: tuple[float, ...] = (32.0, 16.0, 8.0, 4.0)
    """Distances of the B-spline's controls, a level each; all shrink alike where the image is smaller than the grid."""
    downsampling: tuple[int, ...] = (4, 2, 1, 1)
    """Voxels of the image to one of the level's, for the B-spline."""
    bending: float = Field(default=0.0, ge=0)
    """Weight of the B-spline's bending energy."""
    iterations: int = Field(default=256, ge=1)
    """Steps of adaptive stochastic gradient descent on every level."""
    samples: int = Field(default=4096, ge=1)
    """Random points that a step looks at."""


class BenchmarkSettings(Settings):
    """Which pairs are registered, by which methods, and what is measured."""

    protocol: Literal["brain2d", "brain3d", "cardiac", "liver", "xray", "simulated-xray", "lung-masks"]
    """Where the pairs come from. ``simulated-xray``: X-rays deformed by known fields. ``lung-masks``: masks out of
    feature maps and by a U-Net, no pairs. All else: real pairs."""
    data: Path
    """Folder of the images; for X-rays the CSV that lists them."""
    dataset: str | None = None
    """X-rays alone: only rows of this data set, where the CSV holds several."""
    split: Literal["test", "all"] = "test"
    """``xray`` alone: the test split by patient, or every image."""
    subjects: Literal["first", "second", "all"] = "all"
    """Which half of the subjects, in order; settings are chosen on one half and reported on the other."""
    shifts: tuple[int, ...] | Literal["all"] = (3,)
    """Brains and ``xray``: fixed i, moving i + shift, for each; ``all``: every subject to every other."""
    most_pairs: int | None = Field(default=None, ge=1)
    """Only so many pairs, the first ones."""
    affine_start: bool = True
    """Whether an affine map is looked for first."""
    inverse_consistency: bool = False
    """Whether each pair is also registered the other way round, and how far both ways together are from nothing."""
    rows: Path = Path("runs/rows.jsonl")
    """File of results, a JSON object a line, appended to."""
    methods: tuple[str, ...] = ("sarnet",)
    """Names of methods, which take turns pair by pair; ``sarnet`` is ``registration``, others may be variants of it."""
    registration: RegistrationSettings = RegistrationSettings()
    variants: dict[str, RegistrationSettings] = {}
    """Further settings of this package's method by name; each begins with those of ``registration``."""
    unet: Path | None = None
    """``lung-masks`` alone: weights of the U-Net to compare with."""
    elastix: ElastixSettings = ElastixSettings()
    simulation: SimulationSettings = SimulationSettings()
    seed: int = 0
    """Of the simulated pairs and of the split by patient."""

    @model_validator(mode="before")
    @classmethod
    def _begin_with_registration(cls, tree: Any) -> Any:
        """Complete every variant that is a plain table by the table of ``registration``."""
        base = tree.get("registration", {})
        plain = isinstance(base, dict) and isinstance(tree.get("variants"), dict)
        if not plain:
            return tree
        variants = {
            name: _merged(base, table) if isinstance(table, dict) else table for name, table in tree["variants"].items()
        }
        return {**tree, "variants": variants}


_AnySettings = TypeVar("_AnySettings", bound=Settings)


def read_settings(kind: type[_AnySettings], path: Path | None = None, overrides: Sequence[str] = ()) -> _AnySettings:
    """Read settings from a TOML file and from ``stage.key=value`` lines, which win.

    Args:
        kind: Which settings.
        path: TOML file; without one every setting has its default.
        overrides: ``key=value`` or ``stage.key=value``; the value as TOML writes it, a bare word is a string.

    Returns:
        The settings, complete and checked. Relative paths in the file are left as they are: relative to where one
        stands.

    Raises:
        ConfigError: If a name is unknown (the nearest known one is named), or a value is of the wrong type or range.
    """
    tree: dict[str, Any] = {}
    if path is not None:
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"config {path} cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"config {path} is not TOML: {error}") from error
    for line in overrides:
        _override(tree, line)
    return build_settings(kind, tree)


def build_settings(kind: type[_AnySettings], tree: dict[str, Any]) -> _AnySettings:
    """Check a tree of plain values against ``kind``.

    Raises:
        ConfigError: As :func:`read_settings` does.
    """
    _check_names(kind, tree, ())
    try:
        return kind.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        came = "" if first["type"] == "missing" else f", but {first['input']!r} came"
        raise ConfigError(f"setting {name!r}: {first['msg']}{came}") from error


def _override(tree: dict[str, Any], line: str) -> None:
    name, separator, text = line.partition("=")
    if not separator or not name.strip():
        raise ConfigError(f"--set {line!r} is not of the form key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    *stages, key = name.strip().split(".")
    for stage in stages:
        tree = tree.setdefault(stage, {})
        if not isinstance(tree, dict):
            raise ConfigError(f"--set {line!r}: {stage!r} is a value, not a group of settings")
    tree[key] = value


def _merged(base: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    """``base`` with what ``table`` says otherwise, group by group."""
    inner = {name: _merged(base[name], value) for name, value in table.items() if isinstance(base.get(name), dict)}
    return {**base, **table, **inner}


def _check_names(kind: type[Settings], tree: dict[str, Any], above: tuple[str, ...]) -> None:
    for name, value in tree.items():
        if name not in kind.model_fields:
            near = difflib.get_close_matches(name, kind.model_fields, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {sorted(kind.model_fields)}"
            raise ConfigError(f"{'.'.join((*above, name))!r} is not a setting; {hint}")
        annotation = kind.model_fields[name].annotation
        inner = next(iter(get_args(annotation)), annotation)  # a tuple[SourceSettings, ...] has a group in each place
        if isinstance(inner, type) and issubclass(inner, Settings):
            for group in value if isinstance(value, list) else [value]:
                if isinstance(group, dict):
                    _check_names(inner, group, (*above, name))
