"""Data set x method -> rows: pairs of real images and simulated ones, and what the rows come to."""

from sarnet.benchmark.plan import Plan
from sarnet.benchmark.protocol import plan
from sarnet.benchmark.row import Row, RowKey, Summary, append_row, read_rows, settings_hash, summarise

__all__ = ["Plan", "Row", "RowKey", "Summary", "append_row", "plan", "read_rows", "settings_hash", "summarise"]
