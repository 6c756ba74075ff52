"""Adapting the generator's last layer to one pair (method, section 7)."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import OptimizeResult, minimize
from torch import Tensor

from sarnet.config import AdaptationSettings
from sarnet.fields import warp
from sarnet.losses import lncc, smoothness
from sarnet.networks import Features, Generator
from sarnet.registration.last_layer import LastLayer
from sarnet.registration.network_pair import NetworkPair

_FIRST_STEP = 0.3
"""Length of the optimiser's first trial step: this many voxels of the trunk's grid, as a root mean square."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Adaptation:
    """A field and how it came about."""

    displacement: Float[Tensor, "1 axis *space"]
    """Of the best iterate, in voxels of the network's grid."""

    costs: tuple[float, ...]
    """The cost before the first iteration and as it fell."""

    iterations: int
    """Number of iterations done."""

    stop_reason: str
    """Why there was no further iteration."""


def unadapted(
    generator: Generator, features: Features, pair: NetworkPair, *, settings: AdaptationSettings
) -> Adaptation:
    """Return the forward pass as it is: what is right for images like those of the training."""
    with torch.no_grad():
        controls = generator.controls(features)
        cost = pair_cost(generator, controls, pair, settings=settings)
        displacement = generator.displacement(controls, magnification=pair.magnification)
    return Adaptation(
        displacement=displacement, costs=(float(cost),), iterations=0, stop_reason="no adaptation was asked for"
    )


def adapt_last_layer(
    generator: Generator, features: Features, pair: NetworkPair, *, settings: AdaptationSettings
) -> Adaptation:
    r"""Adapt the last layer, and nothing else, to one pair.

    The trunk is frozen, so its features came in once and only the last layer runs in the loop, which minimises

    .. math:: E(W) = 1 - \mathrm{LNCC}(I_{fixed}, I_{moving} \circ (x + u_W(x))) + \lambda\, |\nabla u_W|^2

    by L-BFGS in the coordinates of :class:`LastLayer`. The generator itself is never written to: whatever a pair
    does to the layer's weights is gone with it.

    Args:
        generator: In evaluation mode.
        features: What its trunk says of the pair.
        pair: The images, and where the cost counts.
        settings: Weights of the terms and the stopping rule.

    Returns:
        The best iterate; never worse in cost than the forward pass.

    References:
        Liu & Nocedal, On the limited memory BFGS method for large scale optimization, Mathematical Programming, 1989.
        https://doi.org/10.1007/BF01589116
    """
    layer = LastLayer(generator, features, reads=settings.reads)
    shape = layer.coordinates

    def controls(parameters: np.ndarray) -> Tensor:
        coordinates = torch.from_numpy(parameters.astype(np.float32)).view(shape)
        return layer.controls(_FIRST_STEP * coordinates)

    def cost_and_gradient(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        coordinates = torch.from_numpy(parameters.astype(np.float32)).view(shape).requires_grad_()
        cost = pair_cost(generator, layer.controls(_FIRST_STEP * coordinates), pair, settings=settings)
        (gradient,) = torch.autograd.grad(cost, coordinates)
        return float(cost.detach()), gradient.flatten().double().numpy()

    start = np.zeros(int(np.prod(shape)))
    rule = _StoppingRule(cost_and_gradient(start)[0], start, settings)
    found = minimize(
        cost_and_gradient,
        start,
        jac=True,
        method="L-BFGS-B",
        callback=rule,
        options={"maxiter": settings.most_iterations, "maxcor": 20, "ftol": 0.0, "gtol": 1e-7},
    )
    with torch.no_grad():
        displacement = generator.displacement(controls(rule.best), magnification=pair.magnification)
    return Adaptation(
        displacement=displacement,
        costs=tuple(rule.costs),
        iterations=len(rule.costs) - 1,
        stop_reason=rule.reason or _scipy_reason(found, settings),
    )


def pair_cost(
    generator: Generator, controls: Float[Tensor, "1 axis y x"], pair: NetworkPair, *, settings: AdaptationSettings
) -> Float[Tensor, ""]:
    """Return the cost of a field given by its control values: dissimilarity and roughness."""
    warped = warp(pair.moving, generator.displacement(controls, magnification=pair.magnification))
    similarity = lncc(pair.fixed, warped, window=settings.window_voxels, weight=pair.weight)
    return similarity + settings.smoothness * smoothness(controls)


class _StoppingRule:
    """Called by SciPy after every iteration: keeps the best iterate and stops as the paper does."""

    def __init__(self, cost: float, start: np.ndarray, settings: AdaptationSettings) -> None:
        self.costs = [cost]
        self.best = start
        self.reason = ""
        self._settings = settings

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
