"""How a pair is registered."""

from typing import Literal

from pydantic import Field, model_validator

from sarnet.config.settings import Settings

MeasuredSimilarity = Literal["lncc", "nmi"]
"""What two images are compared by: local correlation, or mutual information where their contrasts differ."""


class AdaptationSettings(Settings):
    """How the last layer is adapted to a pair (method, section 7)."""

    reads: Literal["last", "all"] = "all"
    """Which blocks' maps the adapted layer reads: those it was trained on, or those of the earlier blocks, too."""
    window_voxels: int = Field(default=9, ge=3)
    """Width of the window of local correlation, odd."""
    smoothness: float = Field(default=0.5, ge=0)
    """Weight of the field's squared slope beside one minus the local correlation."""
    nmi_smoothness: float = Field(default=0.15, ge=0)
    """The same beside mutual information, which changes less."""
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
    step_voxels: float = Field(default=0.3, gt=0)
    """Length of a level's first step, as a root mean square over the foreground, in voxels of the level; from there on
    it falls evenly to nothing."""
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


class VolumeSettings(Settings):
    """What is different where the images are volumes."""

    longest_voxels: int = Field(default=96, ge=32)
    """The foreground is registered on a grid of at most this many voxels along an axis."""
    reduction: int = Field(default=2, ge=1)
    """Voxels of that grid, along each axis, to one of the volume as the network sees it, plane by plane."""
    adaptation: AdaptationSettings = AdaptationSettings(reads="last")
    """Of the last layers, of which there is one for each set of planes."""
    refinement: RefinementSettings = RefinementSettings(factors=(2, 1), iterations=(20, 15))
    """The planes' fields leave nothing to do for a coarser level."""


class RegistrationSettings(Settings):
    """How a pair is registered."""

    transform: Literal["rigid", "affine", "deformable"] = "deformable"
    """What the result may do; ``deformable`` is an affine map and a field."""
    adapt: Literal["none", "last-layer", "refined"] = "refined"
    """What is adapted to the pair: nothing, the generator's last layer, or that and then the field itself."""
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
    uncertainty: bool = False
    """Whether the pair is also registered the other way round and some times over, to tell how sure the result is."""
    seed: int = 0
    """What the repetitions for the uncertainty are drawn by; nothing else of a registration is random."""
    threads: int | None = Field(default=None, ge=1)
    """Threads to compute with; all cores where it is left out."""
    budget: float | None = Field(default=None, gt=0)
    """Seconds that refining may take; without, it does all its iterations."""
    adaptation: AdaptationSettings = AdaptationSettings()
    refinement: RefinementSettings = RefinementSettings()
    volume: VolumeSettings = VolumeSettings()
