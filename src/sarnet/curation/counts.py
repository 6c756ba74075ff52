"""How many images prepared data has of what."""

from collections import Counter
from collections.abc import Sequence

from sarnet.curation.manifest import ManifestRow

Counts = dict[str, dict[str, int]]
"""What is counted, then each of its values with how many have it, the most frequent first."""


def count(rows: Sequence[ManifestRow]) -> Counts:
    """Count images by what a manifest says of them, and patients by their visits.

    What is the same for every image by being unknown (no group, no split) is left out.
    """
    visits = Counter(person for person, _ in {(row.person, row.visit) for row in rows})
    counted = {
        "data set": Counter(row.dataset for row in rows),
        "patients with so many visits": Counter(str(number) for number in visits.values()),
        "size": Counter(row.size.replace(" ", " x ") for row in rows),
        "spacing, mm": Counter(row.spacing_mm.replace(" ", " x ") for row in rows),
        "group": Counter(row.group for row in rows),
        "split": Counter(row.split for row in rows),
        "mask": Counter(row.mask_by if row.mask_by or not row.mask else "manual" for row in rows),
        "labels": Counter("manual" if row.labels else "" for row in rows),
    }
    return {
        what: {value or "none": number for value, number in counter.most_common()}
        for what, counter in counted.items()
        if set(counter) != {""}
    }
