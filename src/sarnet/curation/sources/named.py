"""Every source by the name that the command line knows it by."""

from sarnet.curation.item import Source
from sarnet.curation.sources import (
    acdc,
    adni,
    bids,
    chestxray14,
    folder,
    ibsr,
    jsrt,
    learn2reg,
    montgomery,
    oasis,
    shenzhen,
    sunnybrook,
    table,
)

SOURCES: dict[str, Source] = {
    "acdc": acdc.SOURCE,
    "adni": adni.SOURCE,
    "bids": bids.SOURCE,
    "chestxray14": chestxray14.SOURCE,
    "csv": table.SOURCE,
    "folder": folder.SOURCE,
    "ibsr": ibsr.SOURCE,
    "jsrt": jsrt.SOURCE,
    "learn2reg": learn2reg.SOURCE,
    "montgomery": montgomery.SOURCE,
    "oasis": oasis.SOURCE,
    "shenzhen": shenzhen.SOURCE,
    "sunnybrook": sunnybrook.SOURCE,
}
"""Archives, and the four layouts of anybody's own: ``bids``, ``csv``, ``folder``, ``learn2reg``."""
