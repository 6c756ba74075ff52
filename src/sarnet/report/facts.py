"""The record in words and figures, as the page shows it."""

import math
from dataclasses import dataclass

from sarnet.registration import Record
from sarnet.registration.record import AffineRecord, RecordedGrid
from sarnet.registration.verdict import SIMILARITY_NAMES

_UNKNOWN = "not measured"
_STATES = ("improved", "unchanged", "worse")


@dataclass(frozen=True, kw_only=True)
class Number:
    """A figure worth a card of its own."""

    label: str
    value: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """A row of the table of labels."""

    label: str
    before: str
    after: str
    change: str
    hd95: str
    mad: str


def state(headline: str) -> str:
    """Return which mark a verdict's first word calls for: one of those known, or ``"unknown"``."""
    first = headline.split(maxsplit=1)[0].strip(".,:;").lower() if headline.strip() else ""
    return first if first in _STATES else "unknown"


def key_numbers(record: Record) -> list[Number]:
    """Return what a user looks at first."""
    numbers = [
        Number(
            label="Similarity",
            value=_change(record.similarity_before, record.similarity_after),
            note=f"{SIMILARITY_NAMES[record.similarity or 'lncc']}, 0 to 1, higher is better",
        )
    ]
    if record.dice:
        note = f"mean of {_count(len(record.dice), 'label')}, 1 is perfect"
        numbers.append(Number(label="Dice", value=_change(*record.mean_dice()), note=note))
    numbers += [
        Number(
            label="Folding",
            value=text(record.folding_percent, "{:.3g} %"),
            note="of voxels, where the deformation is not one to one; 0 is best",
        ),
        *_inverse(record),
        Number(
            label="Displacement",
            value=_length(record, record.mean_displacement_mm, ".2f"),
            note=f"on average; largest {_length(record, record.largest_displacement_mm, '.2f')}",
        ),
        *_trust(record),
        Number(
            label="Time",
            value=text(record.seconds, "{:.2f} s"),
            note=f"of computing, {_count(record.threads, 'thread')}",
        ),
        Number(label="Iterations", value=str(record.iterations), note=f"stopped: {record.stop_reason}"),
    ]
    return numbers


def overlaps(record: Record) -> list[Overlap]:
    """Return overlap and outlines of every label, in the order of the record."""
    return [
        Overlap(
            label=label,
            before=text(record.dice_before.get(label), "{:.3f}"),
            after=text(after, "{:.3f}"),
            change=_difference(record.dice_before.get(label), after),
            hd95=text(record.hd95_mm.get(label), "{:.2f}"),
            mad=text(record.mad_mm.get(label), "{:.2f}"),
        )
        for label, after in record.dice.items()
    ]


def provenance(record: Record) -> list[tuple[str, str]]:
    """Return what it takes to repeat the registration, as far as it was recorded."""
    rows = [
        ("Fixed image", record.inputs.fixed),
        ("Moving image", record.inputs.moving),
        ("Fixed grid", _grid(record, record.grid)),
        ("Network grid", record.network_grid and _grid(record, record.network_grid)),
        ("sarnet", record.version),
        ("Model", record.model),
        ("Weights, SHA-256", record.weights_sha256),
        ("Transform", record.transform),
        ("Adaptation", record.adapt),
        ("Affine start", record.affine and _affine(record.affine)),
        ("Seed", record.seed),
        ("Threads", record.threads),
        ("Command", record.command),
        ("Seconds by stage", _stages(record.seconds_by_stage)),
    ]
    return [(label, str(value)) for label, value in rows if value is not None]


def files(record: Record) -> list[tuple[str, str]]:
    """Return what lies beside the report and the name of its file."""
    rows = [
        ("warped image", record.files.warped),
        ("warped labels", record.files.warped_labels),
        ("transform (carries the moving image onto the fixed one)", record.files.transform),
        ("inverse (carries the fixed image onto the moving one)", record.files.inverse),
        ("total displacement", record.files.displacement),
        ("what the network marks of the fixed image", record.files.fixed_mask),
        ("what the network marks of the moving image", record.files.moving_mask),
        ("uncertainty", record.files.uncertainty),
    ]
    return [(label, name) for label, name in rows if name is not None]


def is_known(value: float | None) -> bool:
    """Tell whether there is a figure to show."""
    return value is not None and math.isfinite(value)


def text(value: float | None, form: str) -> str:
    """Return a figure in the form given, or that it was not measured."""
    return form.format(value) if is_known(value) else _UNKNOWN


def _length(record: Record, value: float | None, form: str) -> str:
    """A length in what all lengths of the record are in."""
    return text(value, f"{{:{form}}} {record.length_unit}")


def _trust(record: Record) -> list[Number]:
    """What was asked for by --both-ways and --uncertainty."""
    cards = (
        ("Inverse consistency", record.inverse_consistency_mm, "error of a round trip by both directions, on average"),
        ("Uncertainty", record.uncertainty_mm, "on average; a map of it is below"),
    )
    return [
        Number(label=label, value=_length(record, value, ".2f"), note=note)
        for label, value, note in cards
        if value is not None
    ]


def _inverse(record: Record) -> list[Number]:
    """Nothing in records of before there was an inverse."""
    if record.inverse_residual_mm is None:
        return []
    largest = _length(record, record.inverse_residual_largest_mm, ".2g")
    note = f"error of a round trip, on average; largest {largest}"
    return [Number(label="Inverse", value=_length(record, record.inverse_residual_mm, ".2g"), note=note)]


def _change(before: float | None, after: float | None) -> str:
    start = f"{before:.3f} → " if is_known(before) else ""
    return start + text(after, "{:.3f}")


def _difference(before: float | None, after: float | None) -> str:
    if before is None or after is None or not math.isfinite(after - before):
        return ""
    return f"{after - before:+.3f}"


def _grid(record: Record, grid: RecordedGrid) -> str:
    size, spacing = (" x ".join(f"{number:.4g}" for number in numbers) for numbers in (grid.size, grid.spacing_mm))
    return f"{size} voxels of {spacing} {record.length_unit}"


def _affine(affine: AffineRecord) -> str:
    kept = "kept" if affine.kept else "not kept"
    return f"{affine.start}, {kept}, cost {affine.cost_initial:.4g} → {affine.cost_final:.4g}"


def _stages(seconds: dict[str, float]) -> str | None:
    longest_first = sorted(seconds.items(), key=lambda stage: -stage[1])
    return ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in longest_first) or None


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
