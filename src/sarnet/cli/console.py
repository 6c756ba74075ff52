"""What the program prints: results to standard output, everything else to standard error."""

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

output = Console(highlight=False, emoji=False)
messages = Console(stderr=True, highlight=False, emoji=False)


def say(text: str, *, style: str | None = None) -> None:
    """Print a result as it is, however long the line."""
    output.print(text, style=style, markup=False, soft_wrap=True)


def say_error(message: str) -> None:
    """Print what went wrong, on one line."""
    messages.print(f"[bold red]error:[/] {_plain(message)}", soft_wrap=True)


def say_note(message: str) -> None:
    """Print something a user should know."""
    messages.print(f"[dim]note:[/] {_plain(message)}", soft_wrap=True)


def progress_bar() -> Progress:
    """Return a progress bar with the time gone and the time left, on standard error."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=messages,
    )


def _plain(message: str) -> str:
    """One line, with nothing in it that rich would take for markup."""
    return escape(" ".join(message.split()))
