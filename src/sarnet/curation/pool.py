"""Curating many images on all cores."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import SimpleITK as sitk

from sarnet.config import CurationSettings
from sarnet.curation.curate import curate
from sarnet.curation.entry import Entry
from sarnet.curation.item import Item
from sarnet.errors import DataError


def curate_all(
    items: Sequence[tuple[Item, str]], *, root: Path, out: Path, settings: CurationSettings, workers: int
) -> Iterator[Entry]:
    """Prepare images, as many at a time as there are workers, and give each entry as it comes.

    Args:
        items: What to prepare, each with its key.
        root: Folder of the archive.
        out: Folder of the prepared data.
        settings: What becomes of them.
        workers: Processes; one means this one.

    Raises:
        DataError: As :func:`curate` does, or if a process was ended from outside.
    """
    work = partial(curate, root=root, out=out, settings=settings)
    if workers == 1 or len(items) < 2:
        yield from (work(item, key) for item, key in items)
        return
    # spawn: a fork would copy whatever threads hold at that moment
    pool = ProcessPoolExecutor(min(workers, len(items)), mp_context=get_context("spawn"), initializer=_one_thread)
    try:
        futures = [pool.submit(work, item, key) for item, key in items]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool as error:
        raise DataError(
            f"out {out}: a process was ended from outside, perhaps for want of memory; run it again with fewer "
            "workers: what is done is kept"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _one_thread() -> None:
    """A process has one core: threads of its own would only contend."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    os.environ["OMP_NUM_THREADS"] = "1"  # torch, where it is imported at all, is imported later
