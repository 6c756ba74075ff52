"""The vocabulary of the package: names, axes, frames and units. It owns no behaviour.

Names
    ============== ==================================================================================
    fixed          image whose grid everything is resampled to (the paper's reference, I_Ref)
    moving         image to be registered (floating, I_Flt)
    warped         the moving image resampled on the fixed grid (I_Trans)
    displacement   ``u``, a pull-back field on the fixed grid: ``warped(x) = moving(x + u(x))``
    applied        ``a``, the known field that made a simulated moving image (I_Def-App)
    mask           where something counts, or a foreground: 0 or 1
    labels         a map of integer classes
    grid           size, spacing, origin and direction of an image in the world
    ============== ==================================================================================

Axes, as they stand in the shapes of signatures
    ``batch channel *space``: an image. ``*space`` is ``y x`` or ``z y x``: array order, slowest first.
    ``batch axis *space``: a field. Component ``i`` of ``axis`` moves along array axis ``i`` of ``*space``.

Frames and units
    *voxel*: array order, unit one voxel of the grid in question, 0 at the centre of the first voxel. Every tensor
    inside ``fields``, ``losses`` and ``networks`` is in this frame.
    *world*: LPS millimetres in the order x, y[, z], as ITK has them. Everything public beyond those rooms is in this
    frame; :mod:`sarnet.transforms` is where one becomes the other.
    A name that could be read either way carries its unit: ``spacing_mm``, ``peak_voxels``, ``points_world``.
"""

from typing import Literal

Interpolation = Literal["linear", "nearest"]
"""How an image is read between its voxels; ``nearest`` is for label maps."""

LengthUnit = Literal["mm", "pixels"]
"""What a length of an image is in: millimetres, or, where its spacing is not recorded, pixels that count one each."""

PaperTable = Literal["table1", "table2"]
"""A table of the paper, whose numbers may stand beside one's own."""

Padding = Literal["border", "zeros"]
"""What an image is beyond its edge: its outermost voxel, or zero."""
