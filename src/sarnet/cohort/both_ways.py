"""Registering a pair the other way round, too: how far there and back together are from nothing."""

from dataclasses import replace

import numpy as np

from sarnet.config import RegistrationSettings
from sarnet.images import foreground
from sarnet.networks import LoadedGenerator
from sarnet.registration import Masks, PairImages, Registration, register
from sarnet.transforms import compose, invert


def register_images(
    images: PairImages, settings: RegistrationSettings, loaded: LoadedGenerator | None, *, both_ways: bool = False
) -> Registration:
    """Register a pair; if ``both_ways``, its record has the inverse consistency, at twice the cost.

    That is the mean over the fixed image's foreground of the millimetres by which a point is off that went to the
    moving image by this registration and came back by the other one.

    Raises:
        InputError: As :func:`sarnet.registration.register`, and GridError.
    """
    there = _register(images, settings, loaded)
    if not both_ways:
        return there
    back = _register(_exchanged(images), settings, loaded)
    around = compose(there.transform, back.transform)
    off_mm = np.linalg.norm(around.total_displacement(), axis=-1)[foreground(images.fixed.array)]
    record = there.record.model_copy(update={"inverse_consistency_mm": float(off_mm.mean())})
    return replace(there, record=record)


def _exchanged(images: PairImages) -> PairImages:
    start = images.initial_transform
    return PairImages(
        fixed=images.moving,
        moving=images.fixed,
        masks=Masks(fixed=images.masks.moving, moving=images.masks.fixed),
        initial_transform=None if start is None else invert(start, images.moving.grid).transform,
    )


def _register(images: PairImages, settings: RegistrationSettings, loaded: LoadedGenerator | None) -> Registration:
    return register(
        images.fixed,
        images.moving,
        settings,
        initial_transform=images.initial_transform,
        masks=images.masks,
        labels=images.labels,
        loaded=loaded,
    )
