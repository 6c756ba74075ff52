"""What a result is judged by: overlap of labels, folding."""

from sarnet.metrics.folding import folding_percent
from sarnet.metrics.overlap import dice

__all__ = ["dice", "folding_percent"]
