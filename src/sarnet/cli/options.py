"""Options that several verbs have: what they are called, and what their help says."""

from pathlib import Path
from typing import Annotated

import typer

Adapt = Annotated[
    str | None,
    typer.Option(
        help="refined (default): fit the network to the pair, then its field; the most accurate. last-layer: fit the "
        "network alone. paper: the same by every term of the paper, slices alone. none: take its first answer."
    ),
]
Device = Annotated[str | None, typer.Option(help="What to compute on: cpu (default), cuda, cuda:1.")]
TransformKind = Annotated[str | None, typer.Option("--transform", help="rigid, affine or deformable (default).")]
Model = Annotated[str | None, typer.Option(help="Released weights by name, or a .safetensors file.")]
RegistrationConfig = Annotated[Path | None, typer.Option("--config", help="TOML file of registration settings.")]
Override = Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE: change a setting; may be repeated.")]
Spacing = Annotated[str | None, typer.Option(help="MM[,MM[,MM]]: pixel size of images that do not tell theirs.")]
WorkerThreads = Annotated[int | None, typer.Option("--threads", help="Threads of each worker; one by default.")]
Scheduler = Annotated[
    str | None,
    typer.Option(help="ADDRESS of a running Dask scheduler, tcp://HOST:PORT; without, this machine does the work."),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="So many processes on this machine; as its cores and memory allow by default."),
]
Wait = Annotated[float, typer.Option(help="SECONDS to wait for a scheduler that is lost on the way.")]
ResumeFolder = Annotated[
    bool, typer.Option("--resume", help="Go on with a folder that was begun earlier, by the same settings.")
]
BidsPattern = Annotated[
    str | None, typer.Option("--images", help="PATTERN of names in a BIDS directory; *_T1w.nii.gz by default.")
]
