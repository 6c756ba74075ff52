"""The report of one registration: one HTML file that needs no network, and one picture, from its result files alone."""

from sarnet.report.files import write_whole
from sarnet.report.overview import write_overview
from sarnet.report.page import write_report

__all__ = ["write_overview", "write_report", "write_whole"]
