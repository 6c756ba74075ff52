"""The report of one registration, in HTML and as a picture, and the index of many, from their result files alone."""

from sarnet.report.index import write_index
from sarnet.report.overview import write_overview
from sarnet.report.page import write_report
from sarnet.report.thumbnail import write_thumbnail

__all__ = ["write_index", "write_overview", "write_report", "write_thumbnail"]
