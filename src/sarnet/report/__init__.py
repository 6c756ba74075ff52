"""Reports from result files alone: of one registration, a page and a picture; of many, tables."""

from sarnet.report.files import write_whole
from sarnet.report.overview import write_overview
from sarnet.report.page import write_report
from sarnet.report.tables import ResultTable, result_tables, write_tables

__all__ = [
    "ResultTable",
    "result_tables",
    "write_overview",
    "write_report",
    "write_tables",
    "write_whole",
]
