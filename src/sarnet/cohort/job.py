"""What a worker does with a pair: register it and write its folder, whole or not at all."""

import ctypes
import functools
import os
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sarnet import __version__
from sarnet.cohort.pair import CohortPair
from sarnet.cohort.receipt import is_valid, stamps, write_receipt
from sarnet.config import RegistrationSettings
from sarnet.errors import SarnetError
from sarnet.networks import LoadedGenerator, load_generator
from sarnet.registration import Registration, read_pair, register_images, result_folder, write_registration

_ONE_PAIR = threading.Lock()
"""Torch's number of threads, and much of SimpleITK's and matplotlib's state, are the process's: a worker with several
threads registers one pair at a time all the same."""

_PROBE_BYTES = 1_000_000


class Outcome(NamedTuple):
    """What came of a pair."""

    reason: str | None = None
    """Why there is no result; nothing where there is one."""
    trace: str | None = None
    """Where in the package it failed, if that was not foreseen."""
    stops_all: bool = False
    """Whether no other pair would do better: the disk is full, or the worker is not one of ours."""


class WorkerState(NamedTuple):
    """What has to be the same on all workers."""

    version: str
    weights_sha256: str | None


@dataclass(frozen=True, kw_only=True)
class Job:
    """Everything that the pairs of a cohort have in common; called with one of them, by a worker."""

    out: Path
    """The cohort's folder, absolute: all workers see it under this name."""
    settings: RegistrationSettings
    expected: WorkerState
    both_ways: bool = False
    """Whether each pair is also registered the other way round, for its inverse consistency."""
    finish: tuple[Callable[[Path], object], ...] = ()
    """What else is written into a pair's folder before that is moved into place: the report, a thumbnail."""
    command: str | None = None

    def __call__(self, pair: CohortPair) -> Outcome:
        """Register a pair; whatever goes wrong with it comes back as the reason."""
        folder = self.out / pair.folder
        try:
            mismatch = difference(self.expected, worker_state(self.settings))
        except SarnetError as error:  # the weights are not there
            return Outcome(f"worker {socket.gethostname()}: {error}", stops_all=True)
        if mismatch:
            return Outcome(f"worker {socket.gethostname()} has {mismatch}", stops_all=True)
        if is_valid(pair, folder):  # by a worker that was cut off from its scheduler
            return Outcome()
        with _ONE_PAIR:
            try:
                return self._registered(pair, folder)
            finally:
                _give_memory_back()

    def _registered(self, pair: CohortPair, folder: Path) -> Outcome:
        try:
            inputs = stamps(pair)
            images, network = read_pair(pair.files), _network(self.settings)
            registration = register_images(images, self.settings, network, both_ways=self.both_ways)
            with result_folder(folder, overwrite=False) as beside, _telling_full_disks(registration, beside):
                write_registration(
                    registration,
                    beside,
                    inputs=pair.files.inputs(),
                    command=self.command,
                    bids_names=pair.bids_names,
                )
                for write in self.finish:
                    write(beside)
                write_receipt(pair, inputs, beside)
        except Exception as error:  # noqa: BLE001  # one pair's failure, ours included, must not stop the others
            return self._failed(pair, error)
        return Outcome()

    def _failed(self, pair: CohortPair, error: Exception) -> Outcome:
        if is_valid(pair, self.out / pair.folder):  # another worker was quicker
            return Outcome()
        parent = (self.out / pair.folder).parent
        refusal = str(error) if isinstance(error, _NoRoomError) else _refusal(parent, 1)
        if refusal:
            return Outcome(f"out {self.out} cannot be written: {refusal}", stops_all=True)
        if isinstance(error, SarnetError):
            return Outcome(str(error))
        return Outcome(f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error)))


def _give_memory_back() -> None:
    """Return what is free to the system, where its C library can: else fragments pile up from pair to pair."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def worker_state(settings: RegistrationSettings) -> WorkerState:
    """Return what this process would register with.

    Raises:
        WeightsError: If the network cannot be loaded.
    """
    loaded = _network(settings)
    return WorkerState(__version__, loaded.sha256 if loaded else None)


def difference(expected: WorkerState, found: WorkerState) -> str | None:
    """Say in what a worker differs from the process that sends it pairs, if it does."""
    if expected.version != found.version:
        return f"sarnet {found.version}, but this is {expected.version}: install the same version on all"
    if expected.weights_sha256 != found.weights_sha256:
        return (
            f"other weights (SHA-256 {found.weights_sha256}) than are expected ({expected.weights_sha256}): "
            "give all workers the same file"
        )
    return None


class _NoRoomError(Exception):
    """The cohort's folder takes no more."""


@contextmanager
def _telling_full_disks(registration: Registration, folder: Path) -> Iterator[None]:
    """Tell a disk that is full, or a folder that has become read-only, from a pair that failed."""
    try:
        yield
    except Exception as error:
        # before the temporary folder goes, and with it what fills the disk
        refusal = _refusal(folder, _PROBE_BYTES + 8 * registration.warped.array.nbytes)
        if refusal:
            raise _NoRoomError(refusal) from error
        raise


def _refusal(folder: Path, wanted_bytes: int) -> str | None:
    """Ask the disk itself: why so many bytes cannot be written to a folder, or to the nearest above it."""
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            while wanted_bytes > 0:
                wanted_bytes -= file.write(bytes(min(wanted_bytes, 2**20)))
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror
    return None


def _network(settings: RegistrationSettings) -> LoadedGenerator | None:
    if settings.transform != "deformable":
        return None
    file = Path(settings.model)
    return _load_once(settings.model, file.stat().st_mtime_ns if file.is_file() else None)


@functools.lru_cache(maxsize=1)
def _load_once(model: str, _changed_ns: int | None) -> LoadedGenerator:
    """A worker registers all of its pairs by the same network, until a later run has trained another one there."""
    return load_generator(model)
