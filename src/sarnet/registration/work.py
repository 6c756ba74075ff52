"""What the stages of a registration leave behind."""

from dataclasses import dataclass, field
from typing import NamedTuple

from sarnet.images import Grid
from sarnet.registration.adaptation import Adaptation
from sarnet.registration.clock import Clock
from sarnet.registration.compared_pair import ComparedPair
from sarnet.registration.look import Look
from sarnet.registration.middle import Middle
from sarnet.transforms import Alignment, Transform


class Found(NamedTuple):
    """A field, on which images and where."""

    middle: Middle
    """Where the field lies."""
    pair: ComparedPair
    """What it registers there."""
    adaptation: Adaptation
    """The field, adapted, refined or finished, and how it came about."""

    def to_world(self, grid: Grid) -> Transform:
        """Return the transform from the fixed to the moving image.

        Args:
            grid: Of the result, in the fixed image's space.
        """
        return self.middle.transform(self.adaptation.displacement, self.pair.grid, grid)


@dataclass(kw_only=True)
class Work:
    """A registration under way: each stage fills in what it found."""

    initial: Transform
    """Where it began: the identity, or what the caller gave."""
    start: Transform
    """After the affine stage."""
    transform: Transform
    """The result so far."""
    alignment: Alignment | None = None
    look: Look | None = None
    found: Found | None = None
    clock: Clock = field(default_factory=Clock)
