"""A protocol by its name."""

from sarnet.benchmark.pairs import plan_pairs
from sarnet.benchmark.plan import Plan
from sarnet.benchmark.simulated import plan_simulated
from sarnet.config import BenchmarkSettings


def plan(settings: BenchmarkSettings) -> Plan:
    """Plan what the settings ask for; see :func:`plan_pairs` and :func:`plan_simulated`."""
    return plan_simulated(settings) if settings.protocol == "simulated-xray" else plan_pairs(settings)
