"""Registering files into a folder, and printing what came of it: what ``register`` and ``demo`` share."""

from dataclasses import dataclass
from pathlib import Path

from sarnet.cli.console import messages, say, say_note
from sarnet.config import RegistrationSettings
from sarnet.errors import DataError
from sarnet.images import Image, read_image, read_labels
from sarnet.networks import load_generator
from sarnet.registration import (
    BidsNames,
    Inputs,
    Labels,
    Masks,
    Record,
    Registration,
    check_result_folder,
    register,
    result_folder,
    write_registration,
)
from sarnet.report import write_report
from sarnet.transforms import read_transform


@dataclass(frozen=True, kw_only=True)
class PairFiles:
    """Files of a pair."""

    fixed: Path
    moving: Path
    fixed_mask: Path | None = None
    moving_mask: Path | None = None
    fixed_labels: Path | None = None
    moving_labels: Path | None = None
    initial_transform: Path | None = None
    spacing: tuple[float, ...] | None = None
    """Millimetres along x, y[, z] of images that do not tell theirs."""

    def inputs(self) -> Inputs:
        """Return the paths for the record."""
        names = [name for name in Inputs.model_fields if getattr(self, name) is not None]
        return Inputs(**{name: str(getattr(self, name).resolve()) for name in names})


def register_files(
    files: PairFiles,
    out: Path,
    settings: RegistrationSettings,
    *,
    report: bool,
    overwrite: bool,
    command: str,
    bids_name: str | None = None,
) -> Registration:
    """Register, write the results to ``out`` as a whole or not at all, and print the figures."""
    check_result_folder(out, overwrite=overwrite)
    names = BidsNames.of(bids_name) if bids_name else None
    loaded = load_generator(settings.model) if settings.transform == "deformable" else None
    fixed, moving = (read_image(path, spacing=files.spacing) for path in (files.fixed, files.moving))
    initial = read_transform(files.initial_transform) if files.initial_transform else None
    masks = Masks(fixed=_labels(files.fixed_mask, fixed), moving=_labels(files.moving_mask, moving))
    fixed_labels, moving_labels = _labels(files.fixed_labels, fixed), _labels(files.moving_labels, moving)
    labels = Labels(fixed=fixed_labels, moving=moving_labels) if fixed_labels and moving_labels else None
    with messages.status("registering"):
        registration = register(
            fixed, moving, settings, initial_transform=initial, masks=masks, labels=labels, loaded=loaded
        )
        with result_folder(out, overwrite=overwrite) as folder:
            write_registration(registration, folder, inputs=files.inputs(), command=command, bids_names=names)
            if report:
                write_report(folder)
    _print_record(registration.record, out, report=report)
    return registration


def _labels(path: Path | None, image: Image) -> Image | None:
    """Labels or a mask on the grid of their image; pictures have no place in the world of their own."""
    if path is None:
        return None
    labels = read_labels(path)
    if labels.grid.shape != image.grid.shape:
        raise DataError(
            f"{path} has size {labels.grid.size}, but its image has {image.grid.size}: give labels of its size"
        )
    if labels.grid.dimension == 2:
        labels = Image(array=labels.array, grid=image.grid, notes=labels.notes)
    return labels


def _print_record(record: Record, out: Path, *, report: bool) -> None:
    headline, *further = record.verdict
    say(headline, style="bold")
    for sentence in further:
        say(sentence)
    stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in record.seconds_by_stage.items())
    say(f"Time: {record.seconds:.2f} s of computing" + (f" ({stages})." if stages else "."))
    plural = "" if record.iterations == 1 else "s"
    say(f"Stopped after {record.iterations} iteration{plural}: {record.stop_reason}.")
    say(f"Results are in {out}" + (f"; open {out / 'report.html'} in a browser." if report else "."))
    for note in record.notes:
        say_note(note)
