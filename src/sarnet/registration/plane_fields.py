"""The network's fields of a pair: one of a slice, one of every plane of a volume (method, section 8)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from sarnet.fields import one_sided
from sarnet.networks import Features, FusedMaps, Generator
from sarnet.registration.compared_pair import ComparedPair

_SLICES_AT_ONCE = 16
"""What the trunk is given in one go: more would only take more memory."""

_FEWEST_VOXELS = 4
"""Along both axes of a plane, for the network to see something in it: a cell of its trunk."""

Axes = tuple[int, int]
"""The array axes that lie in a plane."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PlaneFields:
    r"""What the trunk says of a pair, plane by plane, and the field that control values make of it.

    A slice has one plane. A volume has three sets of them, axial, coronal and sagittal, each run through the same 2-D
    network slice by slice; a plane's field moves along its two axes, so that each axis of the volume hears of two sets,

    .. math:: u_a = \tfrac{1}{d - 1} \sum_{P \ni a} u^P_a

    with ``d`` axes. The field is linear in the last layer's weights, as each plane's is. Where a volume has but a few
    slices, the planes across them show nothing: they are left out, and nothing moves from slice to slice.

    Looked at both ways, the layer reads half the difference of what the trunk says of the pair and of the pair
    exchanged,

    .. math:: u_W = \tfrac{1}{2} \left(b(F, M) - b(M, F) + W * (m(F, M) - m(M, F))\right)

    and the field moves both images by half: the pair the other way round has the opposite field, whatever ``W`` is, and
    an adaptation, whose bias then has the opposite sign, goes the same way.
    """

    generator: Generator
    space: tuple[int, ...]
    """Voxels of the pair along each array axis."""
    magnification: float
    """How much larger the network saw the planes."""
    features: dict[Axes, Features]
    """Of every set of planes; the slices of a set are a batch."""
    fused: FusedMaps | None
    """What masks of the pair are cut from, on its grid, the mean over the planes; nothing of weights without masks."""
    is_both_ways: bool = False
    """Whether the pair was looked at both ways."""

    @classmethod
    def of(cls, generator: Generator, pair: ComparedPair, *, fuse: bool = True) -> "PlaneFields":
        """Run the trunk over all planes of a pair, once.

        Args:
            generator: In evaluation mode.
            pair: A slice or a volume.
            fuse: Whether maps for masks are fused, too, where the network has weights for that: not of a pair that is
                magnified, for masks are those of images as large as in training.
        """
        space = tuple(pair.fixed.shape[2:])
        found, fused = {}, []
        with torch.no_grad():
            for axes in _planes(space):
                fixed, moving = (_slices(image, axes) for image in (pair.fixed, pair.moving_as_seen))
                found[axes], maps = _features(generator, fixed, moving, pair.magnification, fuse=fuse)
                fused += [[_volume(each[:, 0], axes, len(space)) for each in maps]] if maps else []
        return cls(
            generator=generator,
            space=space,
            magnification=pair.magnification,
            features=found,
            fused=FusedMaps(*(torch.stack(each).mean(0)[None, None] for each in zip(*fused, strict=True)))
            if fused
            else None,
        )

    def and_back(self, back: "PlaneFields") -> "PlaneFields":
        """Return what the trunk says of the pair both ways.

        Args:
            back: What it says of the pair exchanged, as large.
        """
        fused = self.fused
        if fused is not None and back.fused is not None:
            fused = FusedMaps(*((one + other) / 2 for one, other in zip(fused, back.fused[::-1], strict=True)))
        features = {axes: _opposed(self.generator, each, back.features[axes]) for axes, each in self.features.items()}
        return replace(self, features=features, fused=fused, is_both_ways=True)

    def start(self) -> list[Float[Tensor, "_ 2 _ _"]]:
        """Return the control values of every set of planes as the layer was trained."""
        return [self.generator.controls(each) for each in self.features.values()]

    def halves(self, controls: Sequence[Float[Tensor, "_ 2 _ _"]]) -> Float[Tensor, "2 axis *space"]:
        """Return the field as it moves the images: the moving one alone, or, looked at both ways, both by half.

        Args:
            controls: As :meth:`displacement` has them.

        Returns:
            Fields from the pair's grid to the fixed and to the moving image, in its voxels.
        """
        displacement = self.displacement(controls)
        return torch.cat([-displacement, displacement]) / 2 if self.is_both_ways else one_sided(displacement)

    def displacement(self, controls: Sequence[Float[Tensor, "_ 2 _ _"]]) -> Float[Tensor, "1 axis *space"]:
        """Put the fields of all planes together.

        Args:
            controls: Control values for every set of planes, in the order of :attr:`features`.

        Returns:
            The field in voxels of the pair's grid.
        """
        dimension = len(self.space)
        parts: list[list[Tensor]] = [[] for _ in self.space]
        for axes, each in zip(self.features, controls, strict=True):
            plane = self.generator.displacement(
                each, space=(self.space[axes[0]], self.space[axes[1]]), magnification=self.magnification
            )
            for component, axis in enumerate(axes):
                parts[axis].append(_volume(plane[:, component], axes, dimension))
        still = next(iter(self.features.values())).base.new_zeros(self.space)
        return torch.stack([torch.stack(found).mean(0) if found else still for found in parts])[None]


def _opposed(generator: Generator, there: Features, back: Features) -> Features:
    """Features of which the last layer makes half the difference of what it makes of the two."""
    bias = generator.last.bias
    assert bias is not None
    return Features(
        maps=(there.maps - back.maps) / 2,
        earlier=tuple((one - other) / 2 for one, other in zip(there.earlier, back.earlier, strict=True)),
        base=(there.base - back.base) / 2 - bias.detach()[:, None, None],  # which the difference has not
        fixed_layers=(),
        moving_layers=(),
    )


def _planes(space: tuple[int, ...]) -> list[Axes]:
    """The sets of planes that are wide enough to be seen; all of them, if none is."""
    planes = list(combinations(range(len(space)), 2))
    return [axes for axes in planes if min(space[axis] for axis in axes) >= _FEWEST_VOXELS] or planes


def _slices(image: Float[Tensor, "1 1 *space"], axes: Axes) -> Float[Tensor, "slice 1 y x"]:
    across = [axis for axis in range(image.ndim - 2) if axis not in axes]
    return image[0, 0].permute(*across, *axes).reshape(-1, 1, *(image.shape[2 + axis] for axis in axes))


def _volume(slices: Float[Tensor, "slice y x"], axes: Axes, dimension: int) -> Float[Tensor, "*space"]:
    if dimension == 2:
        return slices[0]
    (across,) = set(range(dimension)) - set(axes)
    return slices.movedim(0, across)


def _features(
    generator: Generator, fixed: Tensor, moving: Tensor, magnification: float, *, fuse: bool
) -> tuple[Features, FusedMaps | None]:
    """What the trunk says of the slices, and the maps that their masks are cut from."""
    chunks, fused = list[Features](), list[FusedMaps]()
    for pair in zip(torch.split(fixed, _SLICES_AT_ONCE), torch.split(moving, _SLICES_AT_ONCE), strict=True):
        features = generator.features(*(_seen(each, magnification, generator.multiple) for each in pair))
        if fuse and generator.settings.segments:
            assert magnification == 1
            rows, columns = fixed.shape[2:]  # without what was held on
            fused.append(FusedMaps(*(maps[..., :rows, :columns] for maps in generator.fused_maps(features))))
        # the layers that masks are made of are left behind: of a volume they would take gigabytes
        chunks.append(features._replace(fixed_layers=(), moving_layers=()))
    return Features(
        maps=torch.cat([each.maps for each in chunks]),
        earlier=tuple(torch.cat(layer) for layer in zip(*(each.earlier for each in chunks), strict=True)),
        base=torch.cat([each.base for each in chunks]),
        fixed_layers=(),
        moving_layers=(),
    ), FusedMaps(*map(torch.cat, zip(*fused, strict=True))) if fused else None


def magnified(slices: Float[Tensor, "slice 1 y x"], magnification: float) -> Float[Tensor, "slice 1 large_y large_x"]:
    """Return slices so many times as large, read linearly: the same picture in more voxels."""
    if magnification == 1:
        return slices
    return F.interpolate(slices, scale_factor=magnification, mode="bilinear", align_corners=False)


def _seen(slices: Tensor, magnification: float, multiple: int) -> Tensor:
    """Slices as the network sees them: magnified, the far edges held on to a size that it can take."""
    slices = magnified(slices, magnification)
    missing = [-size % multiple for size in slices.shape[2:]]
    return F.pad(slices, (0, missing[1], 0, missing[0]), mode="replicate")
