"""Options that several commands share, with their help."""

from pathlib import Path
from typing import Annotated

import typer

Adapt = Annotated[
    str | None,
    typer.Option(
        help="refined (default): adapt the network's last layer, then refine the field; the most accurate. last-layer: "
        "the layer only; faster. paper: the layer by all of the paper's terms, slices only. none: forward pass."
    ),
]
Device = Annotated[str | None, typer.Option(help="What to compute on: cpu (default), cuda, cuda:1.")]
TransformKind = Annotated[str | None, typer.Option("--transform", help="rigid, affine or deformable (default).")]
Model = Annotated[str | None, typer.Option(help="Released weights by name, or a .safetensors file.")]
RegistrationConfig = Annotated[Path | None, typer.Option("--config", help="TOML file of registration settings.")]
Override = Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE: change a setting; may be repeated.")]
Spacing = Annotated[str | None, typer.Option(help="MM[,MM[,MM]]: pixel size of images whose file has none.")]
WorkerThreads = Annotated[int | None, typer.Option("--threads", help="Threads of each worker; one by default.")]
Scheduler = Annotated[
    str | None,
    typer.Option(help="ADDRESS of a running Dask scheduler, tcp://HOST:PORT; this machine does the work by default."),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Number of processes on this machine; as its cores and memory allow by default."),
]
Wait = Annotated[float, typer.Option(help="SECONDS to wait for a scheduler that is lost during the run.")]
ResumeFolder = Annotated[bool, typer.Option("--resume", help="Continue an interrupted run, with the same settings.")]
BidsPattern = Annotated[
    str | None, typer.Option("--images", help="PATTERN of names in a BIDS directory; *_T1w.nii.gz by default.")
]
