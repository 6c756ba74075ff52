"""Images of a BIDS directory, and what makes a folder of results one of BIDS derivatives."""

import json
import re
from pathlib import Path

from sarnet import __version__
from sarnet.cohort.image import CohortImage
from sarnet.errors import DataError, InputError

DEFAULT_PATTERN = "*_T1w.nii.gz"

_NAME = re.compile(
    r"(sub-([A-Za-z0-9]+)(?:_ses-([A-Za-z0-9]+))?(?:_[a-z]+-[A-Za-z0-9+]+)*)_([A-Za-z0-9]+)\.nii(?:\.gz)?"
)

_NOT_OF_BIDS = """\
# what sarnet keeps beside the derivatives
/cohort.json
/summary.csv
/index.html
/failures/
registration.json
receipt.json
report.html
thumbnail.png
displacement.nii.gz
"""


def bids_images(
    root: Path, pattern: str = DEFAULT_PATTERN, *, spacing: tuple[float, ...] | None = None
) -> list[CohortImage]:
    """Find one image of every subject, or of every session of one, in a BIDS directory.

    Args:
        root: The folder with ``dataset_description.json`` and the subjects' folders ``sub-…``; its derivatives are left
            alone.
        pattern: What the names of the images look like, with ``*`` for anything.
        spacing: Millimetres along x, y[, z] in place of the files'.

    Returns:
        The images by subject and session; the results of each are to go to the folder that it has in ``root``.

    Raises:
        DataError: If ``root`` is no BIDS directory or has no such image.
        InputError: If a session has several, or an image has no name as BIDS has them: they are named.
    """
    if not (root / "dataset_description.json").is_file():
        raise DataError(
            f"{root} has no dataset_description.json: wanted a CSV file, or a BIDS directory, which has one at its top"
        )
    root = root.absolute()  # workers stand elsewhere
    images: dict[tuple[str, str], list[CohortImage]] = {}
    misnamed = []
    for path in sorted(root.glob(f"sub-*/**/{pattern}")):
        if path.name.startswith(".") or not path.name.endswith((".nii", ".nii.gz")):
            continue  # what file systems put there, and sidecars
        found = _NAME.fullmatch(path.name)
        if found is None:
            misnamed.append(str(path.relative_to(root)))
            continue
        entities, subject, session, suffix = found.groups(default="")
        image = CohortImage(
            id=path.relative_to(root).parent.as_posix().replace("/", "_"),
            image=path,
            patient=subject,
            visit=session,
            spacing=spacing,
            folder=path.relative_to(root).parent,
            entities=entities,
            suffix=suffix,
        )
        images.setdefault((subject, session), []).append(image)
    if misnamed:
        raise InputError(
            f"{pattern} matches images that have no BIDS name (sub-01_ses-1_T1w.nii.gz has): {', '.join(misnamed)}; "
            "rename them, or leave them out with --images"
        )
    if not images:
        raise DataError(f"{root} holds no image named sub-*/**/{pattern} as BIDS does: say with --images what to take")
    several = [str(image.image.name) for every in images.values() if len(every) > 1 for image in every]
    if several:
        raise InputError(
            f"{pattern} matches several images of one session: {', '.join(several)}; choose one of each with --images, "
            "as in '*_run-1_T1w.nii.gz'"
        )
    return [image for every in images.values() for image in every]


def describe_derivatives(out: Path, source: Path) -> None:
    """Write what BIDS wants at the top of a folder of derivatives, and what in there is not BIDS's.

    Raises:
        DataError: If it cannot be written.
    """
    description = {
        "Name": "Registrations by sarnet",
        "BIDSVersion": "1.9.0",
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "sarnet", "Version": __version__}],
        "SourceDatasets": [{"URL": source.resolve().as_uri()}],
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "dataset_description.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
        (out / ".bidsignore").write_text(_NOT_OF_BIDS, encoding="utf-8")
    except OSError as error:
        raise DataError(f"out {out} cannot be written: {error.strerror}; choose another folder") from error
