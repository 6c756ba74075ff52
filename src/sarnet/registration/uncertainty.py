"""How far a registration can be trusted, place by place."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from sarnet.images import Image, foreground, normalise
from sarnet.registration.files import PairImages
from sarnet.registration.result import Registration

_RUNS = 4
_GAMMA = (0.7, 1.4)
_NOISE = 0.03
"""Standard deviation of added noise, of the range that a registration sees."""


def uncertainty(
    there: Registration,
    images: PairImages,
    run: Callable[[PairImages], Registration],
    *,
    off_mm: Float[np.ndarray, "*space"],
    seed: int,
) -> Image:
    r"""Return the spread of repeated registrations, combined with the error of a round trip, in millimetres.

    Each repetition sees the two images at other exposures and with other noise, and starts anew.

    .. math:: s(p) = \sqrt{\tfrac{1}{n} \sum_k |d_k(p) - \bar d(p)|^2 + e(p)^2}

    The two show different errors, and together they follow the true one best (``scripts/uncertainty.py``).

    Args:
        there: The registration in question, one of the ``n``.
        images: Its pair.
        run: Registers a pair as it was registered.
        off_mm: ``e``: at each voxel of the fixed image, the error of the round trip by both directions.
        seed: Random seed of exposures and noise.
    """
    rng = np.random.default_rng(seed)
    total = there.transform.total_displacement().astype(np.float64)
    squares = np.square(total).sum(axis=-1)
    for _ in range(_RUNS):
        seen = replace(images, fixed=_exposed(images.fixed, rng), moving=_exposed(images.moving, rng), labels=None)
        found = run(seen).transform.total_displacement()
        total += found
        squares += np.square(found, dtype=np.float64).sum(axis=-1)
    count = _RUNS + 1
    variance = squares / count - np.square(total / count).sum(axis=-1)
    return Image(array=np.sqrt(variance.clip(0) + off_mm**2).astype(np.float32), grid=there.transform.grid)


def _exposed(image: Image, rng: np.random.Generator) -> Image:
    """The image, normalised, with another gamma and with noise: not in its background, known by its one value."""
    good = np.isfinite(image.array)
    shown = good & foreground(image.array)
    gamma = np.exp(rng.uniform(*np.log(_GAMMA)))
    changed = normalise(image.array) ** gamma + np.where(shown, _NOISE * rng.normal(size=good.shape), 0)
    return replace(image, array=np.where(good, changed, image.array).astype(np.float32))
