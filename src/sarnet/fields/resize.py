"""A field on a finer or coarser grid of the same extent."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from sarnet.errors import ShapeError
from sarnet.fields.warp import check_field

_MODES = {2: "bilinear", 3: "trilinear"}


def resize_field(
    displacement: Float[Tensor, "batch axis *space"], space: tuple[int, ...]
) -> Float[Tensor, "batch axis *other"]:
    r"""Read a field at the voxels of another grid whose edges are the same, in that grid's voxels.

    .. math:: u'_a(x') = \frac{N'_a}{N_a}\, u_a(x), \quad \frac{x' + \frac12}{N'} = \frac{x + \frac12}{N}

    Args:
        displacement: Field in voxels of its own grid.
        space: Number of voxels of the other grid along each array axis.

    Returns:
        The field on the other grid, linear between voxels; the same, where the sizes are.

    Raises:
        ShapeError: If ``space`` has not as many axes as the field.
    """
    old = tuple(displacement.shape[2:])
    check_field(displacement)
    if len(old) != len(space):
        raise ShapeError(f"displacement has shape {tuple(displacement.shape)}, but space {space} has {len(space)} axes")
    if old == space:
        return displacement
    resized = F.interpolate(displacement, size=space, mode=_MODES[len(space)], align_corners=False)
    ratio = displacement.new_tensor([new / size for new, size in zip(space, old, strict=True)])
    return resized * ratio.view(1, -1, *(1,) * len(space))
