"""One look of the network at a pair: what it sees, what it says of it, and whether it knows what it sees."""

from dataclasses import replace
from typing import NamedTuple

from sarnet.config import RegistrationSettings
from sarnet.networks import Generator
from sarnet.registration.compared_pair import ComparedPair
from sarnet.registration.middle import Middle
from sarnet.registration.own_masks import knows, with_own_masks
from sarnet.registration.plane_fields import PlaneFields


class Look(NamedTuple):
    """What the network saw, and what it says of it."""

    middle: Middle
    """Where it saw the images."""
    pair: ComparedPair
    """With the network's own masks if it knows what it sees, or ``paper`` asks for them; magnified, as far as it may
    be, if it does not know it."""
    fields: PlaneFields
    known: bool
    """Whether the images are of the kind that it was trained on."""


def look_at(pair: ComparedPair, middle: Middle, generator: Generator, settings: RegistrationSettings) -> Look:
    """Run the trunk over a pair: as large as in training, and magnified where it does not know what it sees.

    Args:
        pair: The images, with how much larger the network may see them.
        middle: Where they were read.
        generator: In evaluation mode, on the pair's device.
        settings: Whether both ways are looked at, and what the images are compared by.
    """
    if settings.similarity == "auto":
        pair = _of_one_contrast_if_known(pair, generator)
    plain = replace(pair, magnification=1.0)
    fields, back = PlaneFields.of(generator, plain), None
    known = knows(fields)
    if known and settings.is_both_ways:  # the pair exchanged must get the same answer
        back = PlaneFields.of(generator, plain.exchanged())
        known = knows(back)
    if known or pair.magnification == 1:
        pair = plain
        if settings.is_both_ways:
            fields = fields.and_back(back or PlaneFields.of(generator, plain.exchanged()))
    else:
        # masks are those of the pair as large as in training
        fused, fields = fields.fused, PlaneFields.of(generator, pair, fuse=False)
        if settings.is_both_ways:
            fields = fields.and_back(PlaneFields.of(generator, pair.exchanged(), fuse=False))
        fields = replace(fields, fused=fused)
    if known or settings.adapt == "paper":
        pair = with_own_masks(pair, fields, weight=settings.mask_weight)
    return Look(middle, pair, fields, known)


def _of_one_contrast_if_known(pair: ComparedPair, generator: Generator) -> ComparedPair:
    """The pair as it is, if its images seem to be of two contrasts, but both are what the network was trained on.

    Two chests that lie badly on each other, lungs on a heart, may look like that.
    """
    if pair.similarity != "nmi" or pair.grid.dimension != 2:
        return pair
    natural = replace(pair, similarity="lncc", fixed_seen=None, moving_seen=None)
    seen = replace(natural, magnification=1.0)
    both = (PlaneFields.of(generator, each) for each in (seen, seen.exchanged()))
    return natural if all(knows(fields) for fields in both) else pair
