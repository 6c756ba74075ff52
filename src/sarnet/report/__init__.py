"""What people look at, in one HTML file or picture: a registration, from its result files alone, and prepared data."""

from sarnet.report.overview import write_overview
from sarnet.report.page import write_report
from sarnet.report.sheet import Sheet, write_sheet

__all__ = ["Sheet", "write_overview", "write_report", "write_sheet"]
