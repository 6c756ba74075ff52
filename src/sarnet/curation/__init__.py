"""From anybody's archive to one layout: images checked, brought to one form and written beside a manifest.

What training and benchmarks read is made here; how they read it, is in :mod:`sarnet.datasets`. Nothing here imports
torch before an image needs a network or an alignment: a run that finds nothing to do is over at once.
"""

from sarnet.curation.counts import Counts, count
from sarnet.curation.divide import Division, divide
from sarnet.curation.fetch import fetch
from sarnet.curation.manifest import ManifestRow, manifest_of, read_manifest, write_manifest
from sarnet.curation.prepare import Prepared, prepare, settings_for
from sarnet.curation.sources.layout import stem
from sarnet.curation.splits import check_split, fold_patients, patients_of, split_patients
from sarnet.curation.tables import is_number, read_table

__all__ = [
    "Counts",
    "Division",
    "ManifestRow",
    "Prepared",
    "check_split",
    "count",
    "divide",
    "fetch",
    "fold_patients",
    "is_number",
    "manifest_of",
    "patients_of",
    "prepare",
    "read_manifest",
    "read_table",
    "settings_for",
    "split_patients",
    "stem",
    "write_manifest",
]
