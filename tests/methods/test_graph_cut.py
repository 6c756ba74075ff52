from itertools import product

import numpy as np
import pytest

from sarnet.errors import InputError
from sarnet.methods.graph_cut import alpha_expansion, energy

EDGES = np.array([(0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (1, 4), (2, 5)])
"""A grid of two rows of three nodes."""


def _least(unary, pairwise):
    labellings = product(range(unary.shape[1]), repeat=len(unary))
    return min(energy(np.array(each), unary, EDGES, pairwise) for each in labellings)


def _potts(labels, cost):
    return cost * (1 - np.eye(labels, dtype=np.int64))


@pytest.mark.parametrize("seed", range(20))
def test_two_labels_are_the_best_of_all_there_are(seed):
    rng = np.random.default_rng(seed)
    unary = rng.integers(0, 30, size=(6, 2))
    pairwise = _potts(2, int(rng.integers(1, 20)))

    found = alpha_expansion(unary, EDGES, pairwise, start=np.zeros(6, np.int64), cycles=5)

    assert found.energies[-1] == energy(found.labels, unary, EDGES, pairwise) == _least(unary, pairwise)


@pytest.mark.parametrize("seed", range(6))
def test_several_labels_are_within_twice_the_best(seed):
    rng = np.random.default_rng(seed)
    unary = rng.integers(0, 30, size=(6, 4))
    pairwise = _potts(4, int(rng.integers(1, 20)))

    found = alpha_expansion(unary, EDGES, pairwise, start=rng.integers(0, 4, size=6), cycles=5)

    # Boykov et al., theorem 6.1: with Potts' model twice the best is the worst that can be
    assert _least(unary, pairwise) <= found.energies[-1] <= 2 * _least(unary, pairwise)


@pytest.mark.parametrize("seed", range(5))
def test_each_expansion_is_the_best_there_is(seed):
    rng = np.random.default_rng(seed)
    unary = rng.integers(0, 30, size=(6, 3))
    places = rng.uniform(0, 10, size=(3, 2))
    pairwise = np.ceil(np.linalg.norm(places[:, None] - places[None], axis=-1)).astype(np.int64)
    start = rng.integers(0, 3, size=6)

    found = alpha_expansion(unary, EDGES, pairwise, start=start, cycles=1)

    wanted = start
    for label in range(3):
        moves = [np.where(np.array(takes), label, wanted) for takes in product((False, True), repeat=6)]
        wanted = min([wanted, *moves], key=lambda each: energy(each, unary, EDGES, pairwise))
    assert found.energies[-1] == energy(wanted, unary, EDGES, pairwise)


def test_energy_never_rises(rng):
    nodes = np.arange(48).reshape(6, 8)
    across, down = np.c_[nodes[:, :-1].ravel(), nodes[:, 1:].ravel()], np.c_[nodes[:-1].ravel(), nodes[1:].ravel()]
    edges = np.concatenate([across, down])
    unary = rng.integers(0, 100, size=(48, 9))
    apart = np.abs(np.arange(9)[:, None] - np.arange(9)[None])

    found = alpha_expansion(unary, edges, 5 * np.minimum(apart, 3), start=unary.argmin(axis=1), cycles=4)

    assert len(found.energies) > 3
    assert (np.diff(found.energies) < 0).all()


def test_nodes_that_do_not_care_for_neighbours_take_what_costs_least(rng):
    unary = rng.integers(0, 100, size=(6, 5))

    found = alpha_expansion(unary, EDGES, _potts(5, 0), start=np.zeros(6, np.int64), cycles=1)

    assert found.energies[-1] == unary.min(axis=1).sum()


@pytest.mark.parametrize("pairwise", [[[0, 1], [2, 0]], [[1, 1], [1, 1]], [[0, 9, 1], [9, 0, 1], [1, 1, 0]]], ids=str)
def test_costs_that_are_no_metric_are_refused(pairwise):
    costs = np.array(pairwise)

    with pytest.raises(InputError, match="pairwise is no metric"):
        alpha_expansion(np.zeros((6, len(costs)), np.int64), EDGES, costs, start=np.zeros(6, np.int64), cycles=1)


def test_costs_beyond_the_numbers_of_a_cut_are_refused():
    unary, pairwise = np.array([[0, 2**30], [5, 0]]), np.array([[0, 1], [1, 0]])

    with pytest.raises(InputError, match=r"capacities of up to \d+, but a cut holds 2147483647: scale them down"):
        alpha_expansion(unary, np.array([[0, 1]]), pairwise, start=np.zeros(2, int), cycles=1)
