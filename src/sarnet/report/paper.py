"""What the paper reports for brain MR, to stand beside what is measured here.

Mahapatra & Ge, ISBI 2019, arXiv:1903.10139: tables 1 (networks trained on X-rays) and 2 (trained on brains). Its images
and structures are not those of any protocol here, so the numbers say how methods rank there, no more. Two slips are
known: its MAD exceeds HD95, which one set of distances cannot do; Elastix, never trained, differs between the tables.
"""

from typing import NamedTuple

from sarnet.types import PaperTable


class PaperResult(NamedTuple):
    """One method's column of a table."""

    dice: float
    """From 0 to 1; the paper has per cent."""
    hd95_mm: float
    mad: float
    """Without a unit in the paper."""
    seconds: float | None


BEFORE = PaperResult(0.672, 14.5, 16.1, None)

PAPER: dict[PaperTable, dict[str, PaperResult]] = {
    "table1": {
        "sarnet": PaperResult(0.741, 10.8, 12.0, 0.5),
        "sarnoseg": PaperResult(0.712, 12.3, 13.6, 0.4),
        "dirnet": PaperResult(0.709, 12.7, 14.1, 0.6),
        "flownet": PaperResult(0.694, 14.1, 15.1, 0.5),
        "gcsar": PaperResult(0.702, 13.8, 15.3, 0.6),
        "elastix-paper": PaperResult(0.703, 14.2, 15.9, 21.0),
        "voxelmorph": PaperResult(0.713, 13.6, 14.2, 0.5),
    },
    "table2": {
        "sarnet": PaperResult(0.749, 10.3, 11.4, 0.5),
        "sarnet-x-rays": PaperResult(0.741, 10.8, 12.0, 0.5),  # as in table 1, and so the other networks'
        "voxelmorph-x-rays": PaperResult(0.713, 13.6, 14.2, 0.5),
        "dirnet-x-rays": PaperResult(0.709, 12.7, 14.1, 0.6),
        "flownet-x-rays": PaperResult(0.694, 14.1, 15.1, 0.5),
        "sarnoseg": PaperResult(0.720, 11.9, 13.1, 0.4),
        "dirnet": PaperResult(0.717, 12.1, 13.7, 0.6),
        "flownet": PaperResult(0.706, 13.8, 14.6, 0.5),
        "gcsar": PaperResult(0.709, 13.4, 14.8, 0.6),
        "elastix-paper": PaperResult(0.712, 13.5, 15.4, 21.0),
        "voxelmorph": PaperResult(0.721, 13.0, 13.8, 0.5),
    },
}
"""Table to what it has for each method, by its name here."""
