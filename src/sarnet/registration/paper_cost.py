"""The paper's objective of one pair (method, section 7): what ``adapt = "paper"`` lowers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from sarnet.config import PaperSettings
from sarnet.errors import InputError
from sarnet.fields import warp
from sarnet.losses import (
    VggFeatures,
    cycle,
    folding,
    generator_adversarial,
    lncc,
    mask_overlap,
    nmi,
    objective,
    read_vgg,
    smoothness,
    ssim,
    vgg_distance,
)
from sarnet.networks import Discriminator, LoadedGenerator
from sarnet.registration.compared_pair import ComparedPair
from sarnet.registration.plane_fields import PlaneFields


@dataclass(frozen=True, kw_only=True, eq=False)
class PaperCost:
    r"""Content, adversarial, cycle and mask overlap of a field.

    .. math:: E(u) = \mathrm{content}(I_{fixed}, I_{moving} \circ u) + L_{adv}(D_{fixed}, I_{moving} \circ u)
        + 10\, L_{cyc}(u, v) - \log \mathrm{DM}(M_{fixed}, M_{moving} \circ u)

    (eq. 2 to 6 without the field's term) with F's field ``v`` of the same pair, which leads back. F, both
    discriminators, VGG16 and the trunk are frozen: all but ``u`` came in once. The masks are the network's own.
    """

    pair: ComparedPair
    back: Float[Tensor, "1 2 y x"]
    """F's field."""
    vgg: VggFeatures | None
    judge: Discriminator | None
    settings: PaperSettings

    @classmethod
    def of(cls, pair: ComparedPair, loaded: LoadedGenerator, settings: PaperSettings) -> "PaperCost":
        """Let F register the pair the other way round, and load what judges images.

        Args:
            pair: A slice, with the masks as regions.
            loaded: G with F and the discriminator, on the pair's device.
            settings: Weights of the terms.

        Raises:
            InputError: If a term has a weight that the network has nothing to compute it by.
            DataError: If VGG16's weights are not at hand.
            WeightsError: If they are something else.
        """
        weights = settings.weights
        if weights.adversarial and loaded.discriminator is None:
            raise InputError(
                f"adapt is 'paper', but model {loaded.name} holds no discriminator: choose weights of the second "
                "stage, or set paper.weights.adversarial to 0"
            )
        if weights.mask_overlap and pair.fixed_regions is None:
            raise InputError(
                f"adapt is 'paper', but model {loaded.name} makes no masks: choose weights that do, "
                "or set paper.weights.mask_overlap to 0"
            )
        reverse = PlaneFields.of(loaded.reverse or loaded.generator, pair.exchanged(), fuse=False)
        with torch.no_grad():
            back = reverse.displacement(reverse.start())
        return cls(
            pair=pair,
            back=back,
            vgg=_vgg(settings.vgg, pair.fixed.device) if weights.vgg else None,
            judge=loaded.discriminator,
            settings=settings,
        )

    def __call__(
        self, halves: Float[Tensor, "2 2 y x"], controls: Sequence[Float[Tensor, "1 2 _ _"]]
    ) -> Float[Tensor, ""]:
        """Return the objective of a field, which moves the moving image alone, and of its control values."""
        pair, weights, displacement = self.pair, self.settings.weights, halves[1:]
        warped = warp(pair.moving_channels, displacement)
        image = warped[:, :1]
        terms: dict[str, Callable[[], Tensor]] = {
            "nmi": lambda: nmi(pair.fixed, image, weight=pair.weight),
            "ssim": lambda: ssim(pair.fixed, image, weight=pair.weight),
            "vgg": lambda: self._perceived(image),
            "adversarial": lambda: self._judged(image),
            "cycle": lambda: self._cycle(image, displacement),
            "mask_overlap": lambda: mask_overlap(pair.fixed_channels[:, 1:], warped[:, 1:]),
            "lncc": lambda: lncc(pair.fixed, image, weight=pair.weight),
            "folding": lambda: folding(displacement),
            "smoothness": lambda: torch.stack([smoothness(each) for each in controls]).mean(),
        }
        wanted = weights.model_dump()
        return objective({name: term() for name, term in terms.items() if wanted[name]}, weights)

    def _perceived(self, image: Tensor) -> Tensor:
        assert self.vgg is not None
        return vgg_distance(self.vgg, self._seen(self.pair.fixed), self._seen(image))

    def _judged(self, image: Tensor) -> Tensor:
        assert self.judge is not None
        return generator_adversarial(self.judge(self._seen(image)))

    def _cycle(self, image: Tensor, displacement: Tensor) -> Tensor:
        """There and back, and the other way round (eq. 4)."""
        pair = self.pair
        there = cycle(pair.moving, warp(image, self.back), weight=pair.weight)
        return there + cycle(pair.fixed, warp(warp(pair.fixed, self.back), displacement), weight=pair.weight)

    def _seen(self, image: Tensor) -> Tensor:
        return F.avg_pool2d(image, self.settings.judged_scale)


@lru_cache(maxsize=1)
def _vgg(path: Path | None, device: torch.device) -> VggFeatures:
    """Read once, however many pairs there are."""
    return read_vgg(path).to(device)
