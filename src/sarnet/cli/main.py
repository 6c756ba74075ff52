"""The program ``sarnet``: its verbs, and what an error looks like."""

import errno
import sys
from typing import Annotated

import typer

from sarnet import __version__
from sarnet.cli import (
    apply,
    atlas,
    benchmark,
    cohort,
    compose,
    convert,
    data,
    demo,
    evaluate,
    invert,
    jacobian,
    points,
    register,
    train,
)
from sarnet.cli.command import Command
from sarnet.cli.console import say_error
from sarnet.cli.exit_codes import INPUT_AT_FAULT
from sarnet.errors import SarnetError

_OF_THE_SYSTEM = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT),
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP),
)
"""What the system has against a path that the user chose, wherever we come upon it."""

app = typer.Typer(
    name="sarnet",
    help="Register medical images with a network trained on chest X-rays and adapted to each pair.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for verb in (
    *(demo.demo, register.register),
    *(apply.apply, invert.invert, compose.compose, jacobian.jacobian, points.points, convert.convert),
    *(evaluate.evaluate, train.train, benchmark.benchmark, cohort.cohort, atlas.atlas),
):
    app.command(cls=Command)(verb)
app.add_typer(data.data, name="data")


def _show_version(asked: bool) -> bool:
    if asked:
        typer.echo(f"sarnet {__version__}")
        raise typer.Exit
    return asked


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the program: exit code 2 and one line where the input is at fault, a traceback where we are."""
    try:
        app()
    except SarnetError as error:
        say_error(str(error))
        sys.exit(INPUT_AT_FAULT)
    except OSError as error:
        if error.errno not in _OF_THE_SYSTEM or error.filename is None:
            raise
        say_error(f"{error.filename}: {error.strerror}: choose another path")
        sys.exit(INPUT_AT_FAULT)
