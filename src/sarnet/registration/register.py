"""The main job: two images in, a transform out."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from sarnet.config import AdaptationSettings, RefinementSettings, RegistrationSettings
from sarnet.errors import GridError, InputError
from sarnet.fields import one_sided, unfolded
from sarnet.images import Image, check_labels, with_finite_values
from sarnet.networks import LoadedGenerator, load_generator
from sarnet.registration.adaptation import Adaptation, adapt_last_layer, similarity_cost, unadapted
from sarnet.registration.clock import Clock
from sarnet.registration.compared_pair import ComparedPair
from sarnet.registration.guides import Guides
from sarnet.registration.image_pair import ImagePair, Masks
from sarnet.registration.look import Look, look_at
from sarnet.registration.measure import Labels, measure
from sarnet.registration.middle import Middle
from sarnet.registration.paper_cost import PaperCost
from sarnet.registration.proposals import fuse_if_plausible
from sarnet.registration.refinement import finish, refine
from sarnet.registration.result import Registration
from sarnet.registration.threads import torch_threads
from sarnet.registration.work import Found, Work
from sarnet.transforms import Transform, align, compose

_Read = Callable[[Middle], ComparedPair]
"""Reads both images in a space, as fine as they were before."""


class _Plan(NamedTuple):
    """What the settings come to for a mode, and for slices or volumes."""

    longest_voxels: int
    most_voxels: int | None
    reduction: int
    """Voxels of the grid that is refined to one that the network sees: the planes of a volume are many."""
    magnified_voxels: int
    layer: AdaptationSettings
    refinement: RefinementSettings
    """Of images that the network does not know."""

    @classmethod
    def of(cls, settings: RegistrationSettings, *, dimension: int) -> "_Plan":
        before = settings.before_refinement if settings.adapt == "refined" else None
        if dimension == 3:
            volume = settings.volume
            return cls(
                longest_voxels=volume.longest_voxels,
                most_voxels=volume.most_voxels,
                reduction=volume.reduction,
                magnified_voxels=0,
                layer=before or volume.adaptation,
                refinement=volume.refinement,
            )
        is_quick = settings.adapt == "last-layer"
        return cls(
            longest_voxels=settings.longest_voxels,
            most_voxels=None,
            reduction=1,
            magnified_voxels=settings.last_layer_magnified_voxels if is_quick else settings.magnified_voxels,
            layer=before or settings.adaptation,
            refinement=settings.refinement,
        )


def register(  # noqa: PLR0913  each by its name alone
    fixed: Image,
    moving: Image,
    settings: RegistrationSettings | None = None,
    *,
    initial_transform: Transform | None = None,
    masks: Masks | None = None,
    guides: Guides | None = None,
    labels: Labels | None = None,
    loaded: LoadedGenerator | None = None,
) -> Registration:
    r"""Register a moving image to a fixed one.

    An affine start, kept only where it lowers its cost; then, for ``deformable``, a pass of the network over the
    images and the adaptation of its last layer to the pair. ``refined`` then refines the field, which starts, place by
    place, from the network's field or from no registration at all, whichever makes the images agree better. A volume is
    seen plane by plane by the same network (method, section 8). The same input, settings and threads give the same
    result to the bit, whatever was registered before; but for a ``budget``, of which a clock decides.

    ``last-layer`` and ``refined`` compare both images half-way between them, so that exchanging the images gives the
    inverse, up to interpolation; ``refinement.finish`` then takes a few steps in the space of the fixed image. Slices
    that the network knows, X-rays of chests, are refined by ``known_refinement``. With landmarks, or a field to start
    from, the images are compared in the space of the fixed one.

    .. math:: warped(p) = moving(T(p)), \quad T = H \circ (y + u(y)) \circ H, \quad H H = A

    with the affine start ``A``, see :class:`sarnet.registration.Middle`, and ``u`` what two half fields come to,
    :func:`sarnet.fields.joined`. ``none`` and ``paper`` stay in the space of the fixed image: the first ``H`` is then
    the identity, and the second ``A``.

    Args:
        fixed: Image whose grid everything is resampled to, of any intensity unit.
        moving: Image to be registered.
        settings: How; the defaults where it is left out.
        initial_transform: Where the affine search starts, and where the images count as having come from; one that
            holds a field is taken as it is.
        masks: Where the images count; everywhere where it is left out.
        guides: Structures and landmarks that steer a deformable registration.
        labels: For evaluation alone: overlap before and after goes into the record.
        loaded: A network at hand, so that many pairs load it once; else ``settings.model`` is loaded.

    Returns:
        The transform, the warped image and the record.

    Raises:
        InputError: If an image is constant, the images or masks do not meet, the device is not there, labels are no
            whole numbers, guides were given that cannot steer what is asked for, ``uncertainty`` was asked for
            (:func:`sarnet.registration.register_images`), or ``adapt`` is ``paper`` for volumes or for weights that
            lack what its terms need.
        GridError: If the numbers of axes differ, or a mask or label map lies on another grid than its image.
        ShapeError: If landmarks are not as many of both images.
        DataError: If ``adapt`` is ``paper`` and VGG16's weights are not at hand.
        WeightsError: If the model cannot be loaded.
    """
    settings = settings or RegistrationSettings()
    masks, guides = masks or Masks(), guides or Guides()
    _check(fixed, moving, masks, labels, initial_transform)
    guides.check(fixed, moving)
    _check_wanted(settings, guides, dimension=fixed.grid.dimension)
    if settings.transform != "deformable":
        loaded = None
    elif loaded is None:
        loaded = load_generator(settings.model)
    if loaded is not None:
        loaded = loaded.on(_device(settings.device))
    with torch_threads(settings.threads_used):
        work = _start(fixed, moving, settings, initial_transform, masks)
        if loaded is not None:
            _deform(work, fixed, moving, settings, loaded, masks, guides)
        return measure(work, fixed, moving, settings=settings, loaded=loaded, masks=masks, labels=labels)


def _start(
    fixed: Image,
    moving: Image,
    settings: RegistrationSettings,
    initial: Transform | None,
    masks: Masks,
) -> Work:
    """The affine start; the initial transform where that holds a field, or no affine map is wanted."""
    given = Transform.identity(fixed.grid) if initial is None else compose(initial, grid=fixed.grid)
    work = Work(initial=given, start=given, transform=given, clock=Clock())
    if given.displacement is not None or not settings.affine_start:
        return work
    with work.clock.stage("affine"):
        work.alignment = align(
            with_finite_values(fixed),
            with_finite_values(moving),
            kind="rigid" if settings.transform == "rigid" else "affine",
            initial=None if initial is None else given,
            fixed_mask=masks.fixed,
            moving_mask=masks.moving,
            threads=settings.threads_used,
        )
    work.start = work.transform = work.alignment.transform
    return work


def _deform(
    work: Work,
    fixed: Image,
    moving: Image,
    settings: RegistrationSettings,
    loaded: LoadedGenerator,
    masks: Masks,
    guides: Guides,
) -> None:
    """The network's pass, the adaptation and the refinement, between the halves of the start."""
    plan = _Plan.of(settings, dimension=fixed.grid.dimension)
    with work.clock.stage("resampling"):
        work.start = guides.through_landmarks(work.start)
        # what is looked at both ways has to lie alike both ways; else the fixed image is best left as it is
        middle = (
            Middle.of(fixed.grid, moving.grid, work.start)
            if settings.is_both_ways
            else Middle.unsplit(fixed.grid, work.start)
        )
        regions = guides.regions(fixed.grid, moving.grid, weight=settings.guide_weight)
        images = ImagePair.of(fixed, moving, masks=masks, regions=regions)
        pair = images.read_for_network(
            middle,
            multiple=plan.reduction,
            longest_voxels=plan.longest_voxels,
            most_voxels=plan.most_voxels,
            magnified_voxels=plan.magnified_voxels,
            similarity=settings.similarity,
        ).to(loaded.generator.last.weight.device)
        seen = pair.reduced(plan.reduction)
    with work.clock.stage("network"):
        look = look_at(seen, middle, loaded.generator, settings)
    with work.clock.stage("adaptation"):
        adaptation = _adapted(look, loaded, settings, plan.layer)
        if settings.adapt == "refined":
            adaptation = _fused(adaptation, look, work, settings)
    found = Found(middle, look.pair, adaptation)
    if settings.adapt == "refined":
        if plan.reduction > 1:  # what is refined are the images that were not reduced for the network
            found = found._replace(pair=pair)
        refinement = settings.known_refinement if look.known else plan.refinement
        read = partial(
            images.read,
            multiple=plan.reduction,
            longest_voxels=plan.longest_voxels,
            most_voxels=plan.most_voxels,
            similarity=found.pair.similarity,
        )
        found = _refined(found, refinement, budget=settings.budget, work=work, fixed=fixed, read=read)
    with work.clock.stage("to world"):
        work.transform = found.to_world(fixed.grid)
    work.look, work.found = look, found


def _fused(adaptation: Adaptation, look: Look, work: Work, settings: RegistrationSettings) -> Adaptation:
    """The network's field, but where the images as they came agree better.

    One affine map cannot follow what slides: a liver moves by centimetres along a wall that stays. Where the map took
    the wall along, neither the network nor the refinement finds the way back. Left alone where something else says what
    belongs together: regions, the network's own masks, landmarks, an initial field; and where the contrasts differ,
    which local correlation does not bear.
    """
    pair = look.pair
    has_regions = look.known or pair.fixed_regions is not None
    if has_regions or work.start.displacement is not None or pair.similarity != "lncc":
        return adaptation
    placed = look.middle.halves_of(work.initial, pair.grid).to(pair.fixed.device)
    return replace(adaptation, halves=fuse_if_plausible(adaptation.halves, placed, pair, settings=settings.proposals))


def _refined(
    found: Found,
    refinement: RefinementSettings,
    *,
    budget: float | None,
    work: Work,
    fixed: Image,
    read: _Read,
) -> Found:
    """The field refined in the middle, then by the last steps beside the fixed image, within the budget's seconds."""
    with work.clock.stage("refinement"):
        refined = refine(found.adaptation, found.pair, settings=refinement, seconds=budget)
    found = found._replace(adaptation=refined)
    left = None if budget is None else budget - work.clock.seconds["refinement"]
    if not refinement.finish.iterations or (left is not None and left <= 0):
        return found
    with work.clock.stage("finish"):
        began = time.monotonic()
        beside = _beside_fixed(found, Middle.unsplit(fixed.grid, work.start), read)
        left = None if left is None else left - (time.monotonic() - began)
        return _finished(found, beside, refinement, seconds=left)


def _beside_fixed(found: Found, space: Middle, read: _Read) -> Found:
    """The same field where the fixed image lies, on images read there; as it is, if it lies there already."""
    if not found.middle.is_split:
        return found
    device = found.pair.fixed.device
    pair = read(space).to(device)
    displacement = space.displacement(found.to_world(pair.grid), pair.grid).to(device)
    return Found(space, pair, replace(found.adaptation, halves=one_sided(displacement)))


def _finished(found: Found, beside: Found, refinement: RefinementSettings, *, seconds: float | None) -> Found:
    """The field beside the fixed image after the last steps; without any, what was found before."""
    finished = finish(beside.adaptation, beside.pair, settings=refinement, seconds=seconds)
    if finished.iterations == found.adaptation.iterations:
        return found._replace(adaptation=replace(found.adaptation, stop_reason=finished.stop_reason))
    return beside._replace(adaptation=finished)


def _adapted(
    look: Look, loaded: LoadedGenerator, settings: RegistrationSettings, adaptation: AdaptationSettings
) -> Adaptation:
    """The field of the last layer, as far as the mode adapts that."""
    similarity = similarity_cost(look.pair, adaptation)
    if settings.adapt == "none":
        return unadapted(look.fields, similarity)
    if settings.adapt == "paper":
        cost = PaperCost.of(look.pair, loaded, settings.paper)
        rule = settings.paper.model_dump(include={"reads", "fewest_iterations", "most_iterations"})
        return adapt_last_layer(look.fields, cost, settings=adaptation.model_copy(update=rule))
    adapted = adapt_last_layer(look.fields, similarity, settings=adaptation)
    if settings.adapt == "refined":  # what is refined is put together anew from small smooth steps
        return adapted
    return replace(adapted, halves=unfolded(adapted.halves))


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    # built without CUDA torch asserts, and a plug-in that is missing is an import that fails
    except (RuntimeError, AssertionError, ImportError) as error:
        line = str(error).splitlines()[0]
        raise InputError(f"device is {name!r}, but torch cannot compute there: {line}; choose cpu") from error
    return device


def _check(
    fixed: Image,
    moving: Image,
    masks: Masks,
    labels: Labels | None,
    initial: Transform | None,
) -> None:
    if fixed.grid.dimension != moving.grid.dimension:
        raise GridError(
            f"fixed has {fixed.grid.dimension} axes, but moving has {moving.grid.dimension}: "
            "give two slices or two volumes"
        )
    _check_values(fixed, "fixed")
    _check_values(moving, "moving")
    if initial is not None and initial.grid.dimension != fixed.grid.dimension:
        raise GridError(
            f"initial_transform has {initial.grid.dimension} axes, but the images have {fixed.grid.dimension}: "
            "give one of theirs"
        )
    companions = [("fixed_mask", masks.fixed, fixed), ("moving_mask", masks.moving, moving)]
    if labels is not None:
        check_labels(labels.fixed, "fixed_labels")
        check_labels(labels.moving, "moving_labels")
        companions += [("fixed_labels", labels.fixed, fixed), ("moving_labels", labels.moving, moving)]
    for name, companion, image in companions:
        if companion is not None and not companion.grid.same_as(image.grid):
            raise GridError(
                f"{name} has size {companion.grid.size} and spacing {companion.grid.spacing}, but its image has "
                f"{image.grid.size} and {image.grid.spacing}, or they lie elsewhere: resample it to its image"
            )


def _check_wanted(settings: RegistrationSettings, guides: Guides, *, dimension: int) -> None:
    """Refuse what the settings cannot do with such images and guides."""
    if settings.uncertainty:
        raise InputError(
            "uncertainty was asked for, which takes several registrations, but register does one: use register_images"
        )
    if settings.transform != "deformable":
        if guides.given:
            raise InputError(
                f"guides were given, but transform is {settings.transform!r}, which they cannot steer: "
                "choose deformable, or leave them out"
            )
        return
    if settings.adapt == "paper" and dimension == 3:
        raise InputError(
            "adapt is 'paper', but the images are volumes: VGG16 and the discriminator see slices; "
            "choose last-layer or refined"
        )
    if settings.adapt == "paper" and guides.given:
        raise InputError("guides were given, but the paper's objective has no term for them: choose another adapt")
    if settings.adapt == "none" and guides.fixed_labels is not None:
        raise InputError("guide_fixed was given, but adapt is 'none': nothing is adapted to structures; choose another")


def _check_values(image: Image, name: str) -> None:
    values = image.array[np.isfinite(image.array)]
    if not values.size:
        raise InputError(f"{name} holds no finite value, but must be an image")
    if values.min() == values.max():
        raise InputError(f"{name} is {values[0]:g} everywhere, but must be an image with contrast")
