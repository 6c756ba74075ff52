"""Adapting the generator's last layer to one pair (method, section 7)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import OptimizeResult, minimize
from threadpoolctl import ThreadpoolController
from torch import Tensor

from sarnet.config import AdaptationSettings
from sarnet.fields import joined, warp
from sarnet.losses import folding, smoothness
from sarnet.registration.compared_pair import ComparedPair
from sarnet.registration.dissimilarity import dissimilarity
from sarnet.registration.last_layer import LastLayer
from sarnet.registration.plane_fields import PlaneFields

Cost = Callable[[Float[Tensor, "2 axis *space"], Sequence[Float[Tensor, "_ 2 _ _"]]], Float[Tensor, ""]]
"""What is lowered: a function of the field's halves and of the control values that make it."""

_FIRST_STEP = 0.3
"""Length of the optimiser's first trial step: this many voxels of the trunk's grid, as a root mean square."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Adaptation:
    """A field and how it came about."""

    halves: Float[Tensor, "2 axis *space"]
    """Of the best iterate, in voxels of the pair's grid: from there to the fixed and to the moving image. Those of
    ``last-layer`` have been smoothed where they folded."""

    costs: tuple[float, ...]
    """Of the last layer: the cost before the first iteration and after each. Of a refinement: that of its start and of
    its result."""

    iterations: int
    """Number of iterations done."""

    stop_reason: str
    """Why there was no further iteration."""

    @cached_property
    def displacement(self) -> Float[Tensor, "1 axis *space"]:
        """The field that the halves come to."""
        return joined(self.halves)


def unadapted(fields: PlaneFields, cost: Cost) -> Adaptation:
    """Return the forward pass as it is: what is right for images like those of the training."""
    with torch.no_grad():
        controls = fields.start()
        halves = fields.halves(controls)
        found = cost(halves, controls)
    return Adaptation(halves=halves, costs=(float(found),), iterations=0, stop_reason="no adaptation was asked for")


def adapt_last_layer(fields: PlaneFields, cost: Cost, *, settings: AdaptationSettings) -> Adaptation:
    r"""Adapt the last layer, and nothing else, to one pair.

    The trunk is frozen, so its features came in once and only the last layer runs in the loop, which lowers the cost
    :math:`E(u_W)` by L-BFGS in the coordinates of :class:`LastLayer`. Of a volume every set of planes has a layer of
    its own, and the cost is that of the volume. The generator itself is never written to: what a pair does to the
    layer's weights is gone with it.

    Args:
        fields: What the generator's trunk says of the pair.
        cost: Of the pair: :func:`similarity_cost`, or that of the paper.
        settings: What the layer reads, and the stopping rule.

    Returns:
        The best iterate; never worse in cost than the forward pass.

    References:
        Liu & Nocedal, On the limited memory BFGS method for large scale optimization, Mathematical Programming, 1989.
        https://doi.org/10.1007/BF01589116
    """
    layers = [LastLayer(fields.generator, each, reads=settings.reads) for each in fields.features.values()]
    shape = (len(layers), *layers[0].coordinates)

    def coordinates_of(parameters: np.ndarray) -> Tensor:
        return torch.from_numpy(parameters.astype(np.float32)).view(shape).to(layers[0].device)

    def controls_at(coordinates: Tensor) -> list[Tensor]:
        return [layer.controls(_FIRST_STEP * each) for layer, each in zip(layers, coordinates, strict=True)]

    def cost_and_gradient(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        coordinates = coordinates_of(parameters).requires_grad_()
        controls = controls_at(coordinates)
        found = cost(fields.halves(controls), controls)
        (gradient,) = torch.autograd.grad(found, coordinates)
        rule.begin(float(found.detach()))
        return float(found.detach()), gradient.flatten().cpu().double().numpy()

    start = np.zeros(int(np.prod(shape)))
    rule = _StoppingRule(start, settings)
    # of the process: else SciPy's threads wait busily where torch's compute, and an iteration takes twice the time
    with ThreadpoolController().select(internal_api="openblas").limit(limits=1):
        found = minimize(
            cost_and_gradient,
            start,
            jac=True,
            method="L-BFGS-B",
            callback=rule,
            options={"maxiter": settings.most_iterations, "maxcor": 20, "ftol": 0.0, "gtol": 1e-7},
        )
    with torch.no_grad():
        halves = fields.halves(controls_at(coordinates_of(rule.best)))
    return Adaptation(
        halves=halves,
        costs=tuple(rule.costs),
        iterations=len(rule.costs) - 1,
        stop_reason=rule.reason or _scipy_reason(found, settings),
    )


def similarity_cost(pair: ComparedPair, settings: AdaptationSettings) -> Cost:
    r"""Return the cost by the terms that pay: dissimilarity, roughness and folds.

    .. math:: E(v_f, v_m) = D(I_{fixed} \circ (x + v_f(x)),\; I_{moving} \circ (x + v_m(x)))
        + \lambda\, |\nabla u|^2 + \tfrac{\mu}{2 N} \sum_v \sum_x \max(0,\; 0.05 - \det J_v(x))

    of the field's halves, of which the one to the fixed image may be zero, with ``D`` of
    :func:`sarnet.registration.dissimilarity.dissimilarity` and the last term of
    :func:`sarnet.losses.folding`: with it the field need not be held back everywhere to be kept from folding somewhere.
    Beside mutual information both weights are smaller by the same share.

    Args:
        pair: The images, and where the cost counts.
        settings: Weights of the terms.
    """
    share = settings.nmi_share if pair.similarity == "nmi" else 1.0

    images = torch.cat([pair.fixed_channels, pair.moving_channels])

    def cost(halves: Tensor, controls: Sequence[Tensor]) -> Tensor:
        warped = warp(images, halves)
        unlike = dissimilarity(
            warped[:1],
            warped[1:],
            weight=pair.weight,
            similarity=pair.similarity,
            window=settings.window_voxels,
            region_weight=pair.region_weight,
        )
        rough = settings.smoothness * torch.stack([smoothness(each) for each in controls]).mean()
        if settings.folding and min(halves.shape[2:]) > 1:  # what is a voxel thin has no volume to lose
            rough = rough + settings.folding * folding(halves)
        return unlike + share * rough

    return cost


class _StoppingRule:
    """Called by SciPy after every iteration: keeps the best iterate and stops as the paper does."""

    def __init__(self, start: np.ndarray, settings: AdaptationSettings) -> None:
        self.costs: list[float] = []
        self.best = start
        self.reason = ""
        self._settings = settings

    def begin(self, cost: float) -> None:
        """The first cost that is looked at is that of the start."""
        if not self.costs:
            self.costs.append(cost)

    def __call__(self, intermediate_result: OptimizeResult) -> None:
        cost = float(intermediate_result.fun)
        if cost < min(self.costs):
            self.best = intermediate_result.x.copy()
        before = self.costs[-1]
        self.costs.append(cost)
        if len(self.costs) > self._settings.fewest_iterations and abs(before - cost) < self._settings.tolerance * abs(
            before
        ):
            self.reason = f"the cost changed by less than {100 * self._settings.tolerance:g} %"
            raise StopIteration


def _scipy_reason(found: OptimizeResult, settings: AdaptationSettings) -> str:
    if found.nit >= settings.most_iterations:
        return f"{settings.most_iterations} iterations were reached"
    return "no step lowered the cost any further"
