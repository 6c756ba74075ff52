"""What people look at, in HTML and as pictures: one registration, many of them, prepared data; from files alone."""

from sarnet.report.index import write_index
from sarnet.report.overview import write_overview
from sarnet.report.page import write_report
from sarnet.report.sheet import Sheet, write_sheet
from sarnet.report.tables import ResultTable, check_tables_path, markdown_table, result_tables, write_tables
from sarnet.report.thumbnail import write_thumbnail

__all__ = [
    "ResultTable",
    "Sheet",
    "check_tables_path",
    "markdown_table",
    "result_tables",
    "write_index",
    "write_overview",
    "write_report",
    "write_sheet",
    "write_tables",
    "write_thumbnail",
]
