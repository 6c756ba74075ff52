"""How a pair is registered."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from sarnet.config.cores import cores
from sarnet.config.objective import ObjectiveSettings
from sarnet.config.settings import Settings


def _check_odd(value: int) -> int:
    if value % 2 == 0:
        raise PydanticCustomError("odd", "Input should be odd")
    return value


WindowVoxels = Annotated[int, Field(ge=3), AfterValidator(_check_odd)]
"""Width of a window around a voxel, odd."""

_Factor = Annotated[int, Field(ge=1)]

_Iterations = Annotated[int, Field(ge=0)]

MeasuredSimilarity = Literal["lncc", "nmi"]
"""What two images are compared by: local correlation, or mutual information where their contrasts differ."""


class AdaptationSettings(Settings):
    """How the last layer is adapted to a pair (method, section 7)."""

    reads: Literal["last", "all"] = "all"
    """Which blocks' maps the adapted layer reads: those it was trained on, or those of the earlier blocks, too."""
    window_voxels: WindowVoxels = 9
    """Width of the window of local correlation, odd."""
    smoothness: float = Field(default=0.1, ge=0)
    """Weight of the field's squared slope beside one minus the local correlation."""
    folding: float = Field(default=20.0, ge=0)
    """Weight of voxels that fold, or nearly do."""
    nmi_share: float = Field(default=0.3, ge=0)
    """Share of ``smoothness`` and ``folding`` that counts beside mutual information, which changes less."""
    fewest_iterations: int = Field(default=10, ge=1)
    """The stopping rule holds after this many."""
    most_iterations: int = Field(default=30, ge=1)
    """At most this many."""
    tolerance: float = Field(default=0.01, ge=0)
    """Stop when the cost changes by less than this share between two iterations; the paper's 1 %."""


_OF_TRAINING = ("field", "field_length", "coarse_field", "tie", "mask_supervision", "inverse_consistency")
"""Terms of the objective that want a known field, drawn masks, or networks that learn."""


class PaperSettings(Settings):
    """The paper's objective of a pair (method, section 7); the rest of the stopping rule is that of ``adaptation``."""

    weights: ObjectiveSettings = ObjectiveSettings(field=0, tie=0, mask_supervision=0)
    """Of every term; no field is known, and nobody drew masks."""
    reads: Literal["last", "all"] = "last"
    """As in ``adaptation``; the paper adapts the layer that was trained."""
    fewest_iterations: int = Field(default=5, ge=1)
    """The stopping rule holds after this many."""
    most_iterations: int = Field(default=30, ge=1)
    """At most this many."""
    vgg: Path | None = None
    """File of VGG16's weights; without it torchvision's is looked for in torch.hub's cache."""
    judged_scale: int = Field(default=2, ge=1)
    """VGG16 and the discriminator see images reduced so many times, as the released weights were trained."""

    @model_validator(mode="after")
    def _check_terms(self) -> "PaperSettings":
        unknown = [name for name in _OF_TRAINING if getattr(self.weights, name)]
        if unknown:
            raise ValueError(
                f"weights.{unknown[0]} is {getattr(self.weights, unknown[0]):g}, but must be 0: only a training can "
                "compute that term"
            )
        return self


class FinishSettings(Settings):
    """The refinement's last steps, of the moving image alone, where the fixed one lies and is not interpolated.

    Finer detail, for some of the agreement with the pair the other way round.
    """

    iterations: int = Field(default=5, ge=0)
    """Zero: none, and the pair the other way round gives the inverse."""
    step_voxels: float = Field(default=0.15, gt=0)
    """Length of the first step, as a root mean square over the foreground; from there on it falls evenly to nothing."""
    fluid_voxels: float = Field(default=0.8, ge=0)
    """Standard deviation of the Gaussian that smooths each step."""


class ProposalSettings(Settings):
    """How the network's field and the images as they came, or as an initial transform placed them, are fused.

    Before the refinement; voxels are those of the grid that the network saw.
    """

    plausible_share: float = Field(default=0.9, ge=0)
    """Nothing is fused, unless the images as they came agree by this share as well as from the affine start; a large
    value switches it off."""
    window_voxels: WindowVoxels = 5
    """Width of the window of local correlation that tells which holds, odd."""
    temperature: float = Field(default=0.03, gt=0)
    """Of the choice: where the squared correlations differ by this much, the better one weighs 2.7 times as much."""
    agreement_voxels: float = Field(default=1.0, ge=0)
    """Standard deviation of the Gaussian that smooths the correlations."""
    field_voxels: float = Field(default=1.0, ge=0)
    """The same of the fused field."""


class RefinementSettings(Settings):
    """How the field itself is refined after the last layer, coarse to fine."""

    factors: tuple[_Factor, ...] = (2, 1)
    """Voxels of the network's grid to one of each level, as far as 16 are left along an axis. What a coarser level
    would find, the network has found."""
    iterations: tuple[_Iterations, ...] = (20, 20)
    """Of each level."""
    window_voxels: WindowVoxels = 9
    """Width of the window of local correlation on every level, odd."""
    step_voxels: float = Field(default=0.3, gt=0)
    """Length of a level's first step, as a root mean square over the foreground, in voxels of the level; from there on
    it falls evenly to nothing."""
    fluid_voxels: float = Field(default=1.7, ge=0)
    """Standard deviation of the Gaussian that smooths each step."""
    elastic_voxels: float = Field(default=0.5, ge=0)
    """The same of the whole field after each step."""
    finish: FinishSettings = FinishSettings()

    @model_validator(mode="after")
    def _check_levels(self) -> "RefinementSettings":
        if len(self.factors) != len(self.iterations):
            raise ValueError(f"factors {self.factors} and iterations {self.iterations} must be as many")
        if list(self.factors) != sorted(set(self.factors), reverse=True):
            raise ValueError(f"factors are {self.factors}, but must fall: coarse to fine")
        return self


class VolumeSettings(Settings):
    """What is different where the images are volumes."""

    longest_voxels: int = Field(default=160, ge=32)
    """The foreground is registered on a grid of at most this many voxels along an axis."""
    most_voxels: int = Field(default=600_000, ge=32**3)
    """And of at most about so many in all: what time and memory go by."""
    reduction: int = Field(default=2, ge=1)
    """Voxels of that grid, along each axis, to one of the volume as the network sees it, plane by plane."""
    adaptation: AdaptationSettings = AdaptationSettings()
    """Of the last layers, of which there is one for each set of planes, where nothing is refined afterwards."""
    refinement: RefinementSettings = RefinementSettings(
        iterations=(20, 8), window_voxels=5, elastic_voxels=0, finish=FinishSettings(step_voxels=0.1)
    )


class RegistrationSettings(Settings):
    """How a pair is registered."""

    transform: Literal["rigid", "affine", "deformable"] = "deformable"
    """What the result may do; ``deformable`` is an affine map and a field."""
    affine_start: bool = True
    """Whether an affine map is looked for first; else the images begin as their headers, or an initial transform, place
    them."""
    adapt: Literal["none", "paper", "last-layer", "refined"] = "refined"
    """What is adapted to the pair: nothing; the generator's last layer, by all of the paper's terms or by those that
    help; or the last layer and then the field itself."""
    similarity: Literal["auto"] | MeasuredSimilarity = "auto"
    """What the images are compared by; ``auto`` takes ``nmi`` where no rising or falling map leads from one's
    intensities to the other's."""
    guide_weight: float = Field(default=1.0, ge=0)
    """Weight of structures and landmarks that the user gives, beside the similarity of the images."""
    mask_weight: float = Field(default=0.5, ge=0)
    """The same of the network's own masks, on images of the kind that it was trained on."""
    model: str = "sarnet-cxr"
    """Name of released weights, or the path of a ``.safetensors`` file."""
    longest_voxels: int = Field(default=288, ge=32)
    """The foreground of a slice is registered on a grid of at most this many voxels along an axis."""
    magnified_voxels: int = Field(default=416, ge=0)
    """The network sees slices magnified, up to twofold, as long as no axis has more voxels than this."""
    last_layer_magnified_voxels: int = Field(default=312, ge=0)
    """The same for ``last-layer``, which is to be quick and looks at the pair both ways."""
    uncertainty: bool = False
    """Whether the pair is also registered the other way round and some times over, to tell how sure the result is."""
    seed: int = Field(default=0, ge=0)
    """Random seed of the repetitions for the uncertainty; nothing else of a registration is random."""
    threads: int | None = Field(default=None, ge=1)
    """Threads to compute with; all cores that the process may use where it is left out."""
    budget: float | None = Field(default=None, gt=0)
    """Time limit of the refinement in seconds; none by default."""
    device: str = "cpu"
    """What the network, the adaptation and the refinement run on: ``cpu``, ``cuda``, ``cuda:1``."""
    adaptation: AdaptationSettings = AdaptationSettings(fewest_iterations=8, most_iterations=12)
    """Of the last layer alone: what it finds later is not worth its time."""
    before_refinement: AdaptationSettings = AdaptationSettings(reads="last", fewest_iterations=3, most_iterations=6)
    """The same where the field is refined afterwards: briefly, for refining finds the rest."""
    proposals: ProposalSettings = ProposalSettings()
    """How what the refinement begins with is fused of the network's field and of the images as they came."""
    paper: PaperSettings = PaperSettings()
    refinement: RefinementSettings = RefinementSettings()
    """Of slices that the network does not know."""
    known_refinement: RefinementSettings = RefinementSettings(fluid_voxels=3.0, finish=FinishSettings(iterations=0))
    """Of slices that it knows, X-rays of chests (``known_to_network`` in the record): its masks lead there, ribs and
    clothes shall not. There are no last steps, for which the masks would not count."""
    volume: VolumeSettings = VolumeSettings()

    @model_validator(mode="after")
    def _check_start(self) -> "RegistrationSettings":
        if not self.affine_start and self.transform != "deformable":
            raise ValueError(
                f"affine_start is false, but transform is {self.transform!r}, which is nothing else: choose deformable"
            )
        return self

    @model_validator(mode="after")
    def _check_known(self) -> "RegistrationSettings":
        if self.known_refinement.finish.iterations:
            raise ValueError(
                f"known_refinement.finish.iterations is {self.known_refinement.finish.iterations}, but must be 0: the "
                "network's masks do not count in the last steps"
            )
        return self

    @property
    def is_both_ways(self) -> bool:
        """Whether the network looks at the pair both ways and the images meet in the middle: not in the paper."""
        return self.adapt in ("last-layer", "refined")

    @property
    def threads_used(self) -> int:
        """As many threads as were asked for, or as there are cores to use."""
        return self.threads or cores()
