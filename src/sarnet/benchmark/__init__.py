"""Protocols that measure the method on real data: a row a pair, and what the rows come to."""

from sarnet.benchmark.brain2d import brain2d_pairs, measure_brain2d
from sarnet.benchmark.row import Row, Summary, append_row, summarise
from sarnet.benchmark.simulated import measure_simulated

__all__ = ["Row", "Summary", "append_row", "brain2d_pairs", "measure_brain2d", "measure_simulated", "summarise"]
