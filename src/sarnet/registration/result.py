"""What a registration returns."""

from dataclasses import dataclass

from sarnet.images import Image
from sarnet.registration.own_masks import OwnMasks
from sarnet.registration.record import Record
from sarnet.transforms import Transform


@dataclass(frozen=True, kw_only=True, eq=False)
class Registration:
    """A registered pair."""

    transform: Transform
    """From points of fixed space to where they lie in moving space: world LPS millimetres, field first, then affine."""

    inverse: Transform
    """The way back, from points of moving space to fixed space, on the grid of the moving image."""

    warped: Image
    """The moving image on the fixed grid."""

    record: Record
    """Settings, provenance and figures."""

    warped_labels: Image | None = None
    """The moving labels on the fixed grid, where labels were given."""

    own_masks: OwnMasks | None = None
    """What the network marks of both images, where its weights make masks."""

    uncertainty: Image | None = None
    """How far off the transform may be, in millimetres on the fixed grid, where that was asked for."""
