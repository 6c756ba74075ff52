"""What a training writes of itself: a CSV to read, and the same for TensorBoard."""

import csv
from pathlib import Path

from lightning_fabric.loggers.tensorboard import TensorBoardLogger

from sarnet.errors import MissingExtraError

LOG_FILE = "log.csv"


class Log:
    """Named figures by step: rows of ``log.csv``, and points on TensorBoard's curves."""

    def __init__(self, folder: Path, *, after: int) -> None:
        """Open the log of a training that goes on.

        Args:
            folder: Where it lies.
            after: The last step that was kept: rows of later ones, which will be done again, are dropped.

        Raises:
            MissingExtraError: If TensorBoard is not installed.
        """
        self._path = folder / LOG_FILE
        self.rows = list[dict[str, float]]()
        """All that were kept and written, the newest last."""
        if self._path.exists() and self._path.stat().st_size:
            head, *lines = self._path.read_bytes().splitlines(keepends=True)
            # the last row may have been cut off by what stopped the training
            whole = [line for line in lines if line.endswith(b"\n") and line.count(b",") == head.count(b",")]
            kept = [line for line in whole if int(line.split(b",")[0]) <= after]
            self._path.write_bytes(b"".join([head, *kept] if kept else []))
            with self._path.open(newline="", encoding="utf-8") as file:
                self.rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
        try:
            self._curves = TensorBoardLogger(folder, name="", version="tensorboard")
        except ModuleNotFoundError as error:
            raise MissingExtraError.of("training writes a log for TensorBoard", extra="train") from error

    def write(self, step: int, figures: dict[str, float]) -> None:
        """Add a row; every row of a log has the same names."""
        with self._path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if file.tell() == 0:
                writer.writerow(["step", *figures])
            writer.writerow([step, *(f"{value:.5g}" for value in figures.values())])
        self.rows.append({"step": step, **figures})
        self._curves.log_metrics(figures, step)
        self._curves.save()
