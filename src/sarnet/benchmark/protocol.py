"""A protocol by its name."""

from sarnet.benchmark.masks import plan_masks
from sarnet.benchmark.pairs import plan_pairs
from sarnet.benchmark.plan import Plan
from sarnet.benchmark.simulated import plan_simulated
from sarnet.config import BenchmarkSettings


def plan(settings: BenchmarkSettings) -> Plan:
    """Plan what the settings ask for; see :func:`plan_pairs`, :func:`plan_simulated` and :func:`plan_masks`."""
    planners = {"simulated-xray": plan_simulated, "lung-masks": plan_masks}
    return planners.get(settings.protocol, plan_pairs)(settings)
