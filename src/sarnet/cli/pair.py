"""Registering files into a folder, and printing what came of it: what ``register`` and ``demo`` share."""

from pathlib import Path

from sarnet.cli.console import messages, say, say_note
from sarnet.config import RegistrationSettings
from sarnet.networks import load_generator
from sarnet.registration import (
    BidsNames,
    PairFiles,
    Record,
    Registration,
    check_result_folder,
    read_pair,
    register_images,
    result_folder,
    write_registration,
)
from sarnet.report import write_report


def register_files(
    files: PairFiles,
    out: Path,
    settings: RegistrationSettings,
    *,
    both_ways: bool = False,
    report: bool,
    overwrite: bool,
    command: str,
    bids_name: str | None = None,
) -> Registration:
    """Register, write the results to ``out`` as a whole or not at all, and print the figures."""
    check_result_folder(out, overwrite=overwrite)
    names = BidsNames.of(bids_name) if bids_name else None
    loaded = load_generator(settings.model) if settings.transform == "deformable" else None
    pair = read_pair(files)
    with messages.status("registering"):
        registration = register_images(pair, settings, loaded, both_ways=both_ways)
        with result_folder(out, overwrite=overwrite) as folder:
            write_registration(registration, folder, inputs=files.inputs(), command=command, bids_names=names)
            if report:
                write_report(folder)
    _print_record(registration.record, out, report=report)
    return registration


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
