"""Labelling a Markov random field by alpha-expansion: each step the exact minimum of a graph cut."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Integer
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from sarnet.errors import InputError


class Labelling(NamedTuple):
    """A label for each node, and how the energy fell."""

    labels: Integer[np.ndarray, " node"]
    energies: tuple[int, ...]
    """Before the first expansion and after each that lowered it."""


def energy(
    labels: Integer[np.ndarray, " node"],
    unary: Integer[np.ndarray, "node label"],
    edges: Integer[np.ndarray, "edge 2"],
    pairwise: Integer[np.ndarray, "label label"],
) -> int:
    r"""Return :math:`\sum_p D_p(l_p) + \sum_{pq} V(l_p, l_q)`."""
    first, second = labels[edges].T
    return int(unary[np.arange(len(labels)), labels].sum() + pairwise[first, second].sum())


def alpha_expansion(
    unary: Integer[np.ndarray, "node label"],
    edges: Integer[np.ndarray, "edge 2"],
    pairwise: Integer[np.ndarray, "label label"],
    *,
    start: Integer[np.ndarray, " node"],
    cycles: int,
) -> Labelling:
    """Lower the energy by letting one label after the other spread as far as it pays.

    Energies are whole numbers, so that a cut is exact and the energy never rises.

    Args:
        unary: What each label costs each node.
        edges: Neighbours, each pair once.
        pairwise: What two labels cost as neighbours; must be a metric, else an expansion is no cut.
        start: Labels to begin with.
        cycles: Rounds through all labels at most; it ends where none pays any more.

    Raises:
        InputError: If ``pairwise`` is no metric, or costs are too large for the cuts' whole numbers of 32 bits.

    References:
        Boykov, Veksler & Zabih, Fast approximate energy minimization via graph cuts, IEEE TPAMI 23, 2001.
        https://doi.org/10.1109/34.969114
    """
    _check_metric(pairwise)
    _check_range(unary, edges, pairwise)
    labels = start.copy()
    energies = [energy(labels, unary, edges, pairwise)]
    graph = _Graph(len(labels), edges)
    unchanged = 0
    for label in cycles * list(range(unary.shape[1])):
        taken = _expanded(labels, label, unary, pairwise, graph)
        lowered = energy(taken, unary, edges, pairwise)
        unchanged += 1
        if lowered < energies[-1]:
            labels, unchanged = taken, 0
            energies.append(lowered)
        if unchanged == unary.shape[1]:  # no label pays any more
            break
    return Labelling(labels, tuple(energies))


class _Graph:
    """Nodes, source and sink, and where each edge's capacity stands in a sparse matrix: the same for every cut."""

    def __init__(self, nodes: int, edges: np.ndarray) -> None:
        self.edges, self.source = edges, nodes
        each = np.arange(nodes)
        starts = np.concatenate([edges[:, 0], np.full(nodes, nodes), each])
        ends = np.concatenate([edges[:, 1], each, np.full(nodes, nodes + 1)])
        # with every edge's way back, empty as it is, the flow has the same structure as the capacities
        places = np.arange(1, 2 * len(starts) + 1)
        numbered = csr_array((places, (np.r_[starts, ends], np.r_[ends, starts])), shape=(nodes + 2, nodes + 2))
        numbered.sort_indices()
        self._order = numbered.data - 1
        self._indices, self._indptr = numbered.indices, numbered.indptr

    def keeps(self, between: np.ndarray, from_source: np.ndarray, to_sink: np.ndarray) -> np.ndarray:
        """Cut the graph of these capacities, and return which nodes stay on the source's side."""
        capacities = np.concatenate([between, from_source, to_sink]).astype(np.int32)
        graph = self._matrix(np.concatenate([capacities, np.zeros_like(capacities)])[self._order])
        flow = maximum_flow(graph, self.source, self.source + 1).flow
        residual = self._matrix(graph.data - flow.data)
        residual.eliminate_zeros()
        reached = np.zeros(self.source + 2, bool)
        reached[breadth_first_order(residual, self.source, return_predecessors=False)] = True
        return reached[: self.source]

    def _matrix(self, data: np.ndarray) -> csr_array:
        size = self.source + 2
        # copies: what is made of it must not change the structure
        return csr_array((data, self._indices.copy(), self._indptr.copy()), shape=(size, size))


def _expanded(labels: np.ndarray, label: int, unary: np.ndarray, pairwise: np.ndarray, graph: _Graph) -> np.ndarray:
    """The best labelling in which every node keeps its label or takes the one given.

    A node on the sink's side of the cut takes it. With x = 1 there, an edge costs ``V(p, q)`` plus
    ``(V(a, q) - V(p, q)) x_p - V(a, q) x_q + (V(p, a) + V(a, q) - V(p, q)) (1 - x_p) x_q``, as ``V(a, a)`` is zero.
    """
    taking = unary[:, label] - unary[np.arange(len(labels)), labels]
    first, second = graph.edges.T
    own, other = labels[first], labels[second]
    kept, one_takes, other_takes = pairwise[own, other], pairwise[label, other], pairwise[own, label]
    np.add.at(taking, first, one_takes - kept)
    np.add.at(taking, second, -one_takes)
    keeps = graph.keeps(other_takes + one_takes - kept, np.maximum(taking, 0), np.maximum(-taking, 0))
    return np.where(keeps, labels, label)


def _check_range(unary: np.ndarray, edges: np.ndarray, pairwise: np.ndarray) -> None:
    """No capacity is larger than a node's costs and those of all its edges."""
    neighbours = np.bincount(edges.ravel()).max(initial=0)
    largest = int(np.abs(unary).max()) * 2 + int(neighbours) * 2 * int(pairwise.max())
    if largest > np.iinfo(np.int32).max:
        raise InputError(
            f"unary and pairwise come to capacities of up to {largest}, but a cut holds {np.iinfo(np.int32).max}: "
            "scale them down"
        )


def _check_metric(pairwise: np.ndarray) -> None:
    detour = (pairwise[:, :, None] + pairwise[None]).min(axis=1)
    is_metric = (pairwise == pairwise.T).all() and not pairwise.diagonal().any() and (pairwise <= detour).all()
    if not is_metric or (pairwise < 0).any():
        raise InputError("pairwise is no metric: it must be symmetric, zero on the diagonal, no longer than a detour")
