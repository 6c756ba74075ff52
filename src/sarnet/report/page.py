"""The report of one registration as one HTML file: everything inline, nothing from a network."""

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from jinja2 import Environment, StrictUndefined

from sarnet.images import write_whole
from sarnet.registration import Record
from sarnet.report import facts, figures, panels, pictures
from sarnet.report.pictures import Cut
from sarnet.report.planes import Letters, is_oblique
from sarnet.report.result import Result, read_result

REPORT_NAME = "report.html"

_LONGEST_PIXELS = {2: 400, 3: 320}  # of 2-D X-rays, which are noisy, a report stays below 3 MB


@dataclass(frozen=True, kw_only=True)
class _Picture:
    """One plane of a figure."""

    source: str
    plane: str
    rows: int
    columns: int
    letters: Letters | None


def write_report(folder: Path) -> Path:
    """Write ``report.html`` into the folder of a finished registration, from its result files and its two images.

    The file appears at once and whole, and replaces an older one.

    Args:
        folder: Where ``registration.json``, the warped image and the displacement field are.

    Returns:
        The file.

    Raises:
        DataError: If one of those files or of the two images is gone or damaged, or they do not fit one another.
    """
    return write_whole(folder / REPORT_NAME, _page(read_result(folder)).encode())


def _page(result: Result) -> str:
    record = result.record
    headline, *further = record.verdict or ("No verdict was recorded.",)
    template = resources.files("sarnet.report").joinpath("page.html.j2").read_text(encoding="utf-8")
    # autoescape: names of files and labels are anybody's
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        fixed_name=_name(record.inputs.fixed),
        moving_name=_name(record.inputs.moving),
        version=record.version,
        state=facts.state(headline),
        headline=headline,
        further=further,
        notes=record.notes,
        numbers=facts.key_numbers(record),
        overlaps=facts.overlaps(record),
        overlap_plot=_overlap_plot(record),
        length_unit=record.length_unit,
        cost_plot=_cost_plot(record),
        is_refined=record.adapt == "refined" and bool(record.cost_history),
        cost_ends=[facts.text(cost, "{:.4g}") for cost in (record.cost_initial, record.cost_final)],
        stop_reason=record.stop_reason,
        provenance=facts.provenance(record),
        files=facts.files(record),
        settings=json.dumps(record.settings, indent=2, ensure_ascii=False) if record.settings else "",
        is_volume=result.grid.dimension == 3,
        is_oblique=is_oblique(result.grid),
        is_cropped=result.is_cropped,
        is_picture=result.is_picture,
        knows_sides=result.knows_sides,
        view=result.view,
        centre=", ".join(str(index) for index in result.focus.centre[::-1]),
        folded=result.folded,
        voxels=result.jacobian.array.size,
        **_shown(result),
    )


def _name(recorded: str | None) -> str:
    assert recorded is not None  # what came from no file has no result to read
    return Path(recorded).name


def _shown(result: Result) -> dict[str, object]:
    """Every picture by its name, and what the colours of the maps mean."""
    cuts = pictures.cuts(result, longest_pixels=_LONGEST_PIXELS[result.grid.dimension])
    difference, volume = pictures.difference_limit(cuts), pictures.log_volume_limit(cuts)
    drawn = {
        "fixed": [pictures.fixed(cut) for cut in cuts],
        "before": [pictures.before(cut) for cut in cuts],
        "warped": [pictures.warped(cut) for cut in cuts],
        "checkerboard_before": [pictures.checkerboard_before(cut) for cut in cuts],
        "checkerboard_after": [pictures.checkerboard_after(cut) for cut in cuts],
        "overlay_before": [pictures.overlay_before(cut) for cut in cuts],
        "overlay_after": [pictures.overlay_after(cut) for cut in cuts],
        "difference_before": [pictures.difference_before(cut, difference) for cut in cuts],
        "difference_after": [pictures.difference_after(cut, difference) for cut in cuts],
        "grid": [pictures.deformed_grid(cut) for cut in cuts],
        "volume": [pictures.log_volume(cut, volume) for cut in cuts],
    }
    unsure_mm = None if result.uncertainty is None else pictures.uncertainty_limit_mm(cuts)
    if unsure_mm is not None:
        drawn["uncertainty"] = [pictures.uncertainty(cut, unsure_mm) for cut in cuts]
    return {
        "uncertainty_limit": None if unsure_mm is None else f"{unsure_mm:.2f}",
        "uncertainty_colours": _gradient(panels.UNCERTAINTY_COLOURS),
        "shown": {name: [_picture(result, *both) for both in zip(cuts, each)] for name, each in drawn.items()},
        "difference_limit": f"{difference:.2f}",
        "difference_colours": _gradient(panels.DIFFERENCE_COLOURS),
        "volume_limit": f"{volume:.2f}",
        "volume_colours": _gradient(panels.VOLUME_COLOURS),
        "fold_colour": _css(panels.FOLD_COLOUR),
    }


def _picture(result: Result, cut: Cut, colours: UInt8[np.ndarray, "y x 3"]) -> _Picture:
    rows, columns = cut.plane.shape
    return _Picture(
        source=figures.data_uri(figures.png(colours), "png"),
        plane=f", {cut.plane.name} plane" if result.grid.dimension == 3 else "",
        rows=rows,
        columns=columns,
        letters=cut.plane.letters if result.knows_sides else None,
    )


def _cost_plot(record: Record) -> str | None:
    """The plot, where there is a course to plot: a start and an end are none."""
    if sum(facts.is_known(cost) for cost in record.cost_history) < 3:
        return None
    return figures.data_uri(figures.cost_plot(record.cost_history), "svg+xml")


def _overlap_plot(record: Record) -> str | None:
    if not record.dice:
        return None
    before = [record.dice_before.get(label) for label in record.dice]
    return figures.data_uri(figures.overlap_plot(list(record.dice), before, list(record.dice.values())), "svg+xml")


def _css(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _gradient(colours: panels.Stops) -> str:
    return f"linear-gradient(to right, {', '.join(_css(colour) for colour in colours)})"
