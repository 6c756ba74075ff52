"""Registering a pair, and asking how far the result can be trusted: there and back, and over again."""

from dataclasses import replace
from functools import partial

import numpy as np

from sarnet.config import RegistrationSettings
from sarnet.images import foreground
from sarnet.networks import LoadedGenerator
from sarnet.registration.files import PairImages
from sarnet.registration.guides import Guides
from sarnet.registration.image_pair import Masks
from sarnet.registration.register import register
from sarnet.registration.result import Registration
from sarnet.registration.uncertainty import uncertainty
from sarnet.registration.verdict import trust
from sarnet.transforms import compose, invert


def register_images(
    images: PairImages, settings: RegistrationSettings, loaded: LoadedGenerator | None, *, both_ways: bool = False
) -> Registration:
    """Register a pair; if ``both_ways``, its record has the inverse consistency, at twice the cost.

    That is the mean over the fixed image's foreground of the millimetres by which a point is off that went to the
    moving image by this registration and came back by the other one. With ``settings.uncertainty`` the record has
    that, too, and there is a map of :func:`sarnet.registration.uncertainty.uncertainty`, at six times the cost. The
    record's verdict says both in words; its seconds are those of this way alone.

    Raises:
        InputError: As :func:`sarnet.registration.register`, and GridError.
    """
    run = partial(_register, settings=settings.model_copy(update={"uncertainty": False}), loaded=loaded)
    there = run(images)
    if not (both_ways or settings.uncertainty):
        return there
    shown = foreground(images.fixed.array)
    around = compose(there.transform, run(_exchanged(images)).transform)
    off_mm = np.linalg.norm(around.total_displacement(), axis=-1)
    found = uncertainty(there, images, run, off_mm=off_mm, seed=settings.seed) if settings.uncertainty else None
    consistency_mm = float(off_mm[shown].mean())
    uncertainty_mm = None if found is None else float(found.array[shown].mean())
    sentences = trust(
        inverse_consistency_mm=consistency_mm,
        voxel_mm=min((there.record.network_grid or there.record.grid).spacing_mm),
        uncertainty_mm=uncertainty_mm,
        length_unit=there.record.length_unit,
    )
    record = there.record.model_copy(
        update={
            "settings": settings.model_dump(mode="json"),
            "inverse_consistency_mm": consistency_mm,
            "uncertainty_mm": uncertainty_mm,
            "verdict": (*there.record.verdict, *sentences),
        }
    )
    return replace(there, record=record, uncertainty=found)


def _exchanged(images: PairImages) -> PairImages:
    start, guides = images.initial_transform, images.guides or Guides()
    return PairImages(
        fixed=images.moving,
        moving=images.fixed,
        masks=Masks(fixed=images.masks.moving, moving=images.masks.fixed),
        guides=Guides(
            fixed_labels=guides.moving_labels,
            moving_labels=guides.fixed_labels,
            fixed_points=guides.moving_points,
            moving_points=guides.fixed_points,
        ),
        initial_transform=None if start is None else invert(start, images.moving.grid).transform,
    )


def _register(images: PairImages, settings: RegistrationSettings, loaded: LoadedGenerator | None) -> Registration:
    return register(
        images.fixed,
        images.moving,
        settings,
        initial_transform=images.initial_transform,
        masks=images.masks,
        guides=images.guides,
        labels=images.labels,
        loaded=loaded,
    )
