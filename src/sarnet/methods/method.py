"""What every way of registering a pair has in common: a pair in, a transform and its time out."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from sarnet.images import Image
from sarnet.transforms import Transform


@dataclass(frozen=True, kw_only=True, eq=False)
class MethodResult:
    """What a method made of one pair."""

    transform: Transform
    """From points of fixed space to where they lie in moving space: world LPS millimetres."""

    seconds_by_stage: dict[str, float]
    """Compute: arrays in, transform out, affine start included; start-up and files of one's own not."""

    iterations: int | None = None
    """Iterations of the last stage, where the method tells."""

    @property
    def seconds(self) -> float:
        """Seconds of all stages."""
        return sum(self.seconds_by_stage.values())


@runtime_checkable
class Method(Protocol):
    """A way of registering a pair; labels and landmarks to judge it by are never given to it."""

    @property
    def name(self) -> str:
        """What it is called in tables."""

    @property
    def settings(self) -> dict[str, Any]:
        """All that its result depends on beside the images, as JSON has it."""

    def register(self, fixed: Image, moving: Image, *, affine_start: bool = True) -> MethodResult:
        """Register a moving image to a fixed one.

        Args:
            fixed: Image in whose space the transform starts.
            moving: Image that it leads to.
            affine_start: Whether an affine map is looked for first; else the images start as their headers place them.
        """
