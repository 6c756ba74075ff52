"""Dask: a cluster of this machine's own or a scheduler that runs elsewhere, and pairs spread over its workers."""

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from sarnet.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from distributed import Client

logger = logging.getLogger(__name__)

_AHEAD = 4_000
"""Pairs that the scheduler has at a time: enough for a thousand workers, and nothing grows with the cohort."""

_WORKER_BYTES = 3 * 2**30
"""A worker takes 1.9 GB at most for a pair of volumes of 256^3 voxels: torch, the images and their fields."""

_ADDRESS = re.compile(r"(tcp|tls|wss?|ucxx?)://\S+:\d+")

_NANNY: dict[str, object] = {"distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None}
"""Dask's workers return memory to the system after every tensor, which takes time; ours do after every pair."""

_FIRST_WAIT_SECONDS = 10.0
_PATIENCE_SECONDS = 600.0

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A scheduler and its workers."""

    address: str
    patience_seconds: float = _PATIENCE_SECONDS
    """How long a scheduler that was lost is waited for."""

    @contextmanager
    def client(self, *, wait_seconds: float | None = None) -> "Iterator[Client]":
        """Connect to the scheduler.

        Args:
            wait_seconds: How long to try; ``patience_seconds`` where it is left out.

        Raises:
            InputError: If it cannot be reached.
        """
        from distributed import Client  # noqa: PLC0415  # an extra

        wait_seconds = self.patience_seconds if wait_seconds is None else wait_seconds
        deadline = time.monotonic() + wait_seconds
        while True:
            left = max(1.0, deadline - time.monotonic())
            try:
                client = Client(self.address, timeout=min(left, _FIRST_WAIT_SECONDS), set_as_default=False)
                break
            except (OSError, ValueError) as error:
                if isinstance(error, ValueError) or time.monotonic() > deadline - 1:
                    raise InputError(
                        f"scheduler {self.address} cannot be reached: wanted the address of a running Dask scheduler, "
                        "tcp://HOST:PORT"
                    ) from error
                time.sleep(1)
        try:
            yield client
        finally:
            client.close(timeout=2)

    def dashboard(self) -> str:
        """Return the address of Dask's dashboard.

        Raises:
            InputError: If the scheduler cannot be reached.
        """
        with self.client(wait_seconds=_FIRST_WAIT_SECONDS) as client:
            return str(client.dashboard_link)

    def ask(self, question: Callable[[], _Result]) -> dict[str, _Result | Exception]:
        """Return what every worker answers, by its address.

        Raises:
            InputError: If the scheduler cannot be reached.
        """
        with self.client(wait_seconds=_FIRST_WAIT_SECONDS) as client:
            answers: dict[str, _Result | Exception] = client.run(question, on_error="return")
            return answers

    def spread(
        self, work: Callable[[_Item], _Result], items: Mapping[str, _Item]
    ) -> Iterator[tuple[str, _Result | Exception]]:
        """Do ``work`` on every item, anywhere, and yield what came of it, in any order.

        An item whose worker dies goes to another one, until it has cost four; if the scheduler is lost and comes back,
        the items without an answer are handed out anew.

        Args:
            work: A function, or an object to be called, that can be pickled.
            items: By name.

        Yields:
            The name of an item and its result, or the exception that ``work`` raised or the death of its workers.

        Raises:
            InputError: If the scheduler is lost for longer than the patience.
        """
        left = dict(items)
        while left:
            try:
                with self.client() as client:
                    for name, result in _spread(client, work, left):
                        del left[name]
                        yield name, result
            except _SchedulerLostError:
                logger.warning("the scheduler %s is lost: waiting for it, %d left", self.address, len(left))


@contextmanager
def own_cluster(workers: int | None = None, *, most: int | None = None) -> Iterator[Cluster]:
    """Start a scheduler and workers on this machine: a process for each core, as far as the memory goes.

    Args:
        workers: So many processes, whatever the machine has.
        most: No more than there are pairs.

    Raises:
        MissingExtraError: If Dask is not installed.
    """
    check_dask()
    import dask  # noqa: PLC0415  # an extra
    from dask.system import CPU_COUNT  # noqa: PLC0415
    from distributed import LocalCluster  # noqa: PLC0415  # an extra
    from distributed.system import MEMORY_LIMIT  # noqa: PLC0415

    if workers is None:
        workers = max(1, min(CPU_COUNT, MEMORY_LIMIT // _WORKER_BYTES, CPU_COUNT if most is None else most))
    with (
        dask.config.set(_NANNY),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=MEMORY_LIMIT // workers,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        yield Cluster(address=cluster.scheduler_address)


@contextmanager
def running_cluster(address: str, *, patience_seconds: float = _PATIENCE_SECONDS) -> Iterator[Cluster]:
    """Use a scheduler that runs already.

    Args:
        address: ``tcp://HOST:PORT``.
        patience_seconds: How long to wait for it if it is lost on the way.

    Raises:
        MissingExtraError: If Dask is not installed.
        InputError: If ``address`` is none, or the scheduler cannot be reached.
    """
    check_dask()
    _check_address(address)
    cluster = Cluster(address=address, patience_seconds=patience_seconds)
    cluster.dashboard()
    yield cluster


def check_scheduler(address: str) -> None:
    """Refuse to go on without a scheduler at the address, before anything is begun.

    Raises:
        MissingExtraError: If Dask is not installed.
        InputError: If ``address`` is none, or the scheduler cannot be reached.
    """
    with running_cluster(address):
        pass


def check_dask() -> None:
    """Refuse to go on without Dask.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        import distributed  # noqa: F401, PLC0415  # an extra
    except ImportError as error:
        raise MissingExtraError.of("many pairs need Dask", extra="cohort") from error


def _check_address(address: str) -> None:
    """Refuse what Dask has no way to connect to: it would raise halfway, and print a traceback when it is let go."""
    from distributed import Security  # noqa: PLC0415  # an extra

    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise InputError(
            f"scheduler {address} is no address: wanted that of a running Dask scheduler, tcp://HOST:PORT (or tls://, "
            "ws://, wss://, ucx://)"
        )
    if found[1] in ("tls", "wss") and Security().get_connection_args("client")["ssl_context"] is None:
        raise InputError(
            f"scheduler {address} wants certificates, but none are set: name them in Dask's configuration, "
            "distributed.comm.tls"
        )


class _SchedulerLostError(Exception):
    """The connection broke; what was under way is unknown."""


def _spread(
    client: "Client", work: Callable[[_Item], _Result], items: Mapping[str, _Item]
) -> Iterator[tuple[str, _Result | Exception]]:
    from distributed import CancelledError, as_completed  # noqa: PLC0415  # an extra

    waiting = iter(list(items.items()))
    names: dict[Any, str] = {}
    arrived = as_completed(loop=client.loop)
    run = uuid.uuid4().hex  # an earlier run's pairs of the same names may be under way still

    def hand_out() -> None:
        some = list(islice(waiting, _AHEAD - len(names)))
        if some:
            keys = [(f"register-{run}", name) for name, _ in some]
            futures = client.map(work, [item for _, item in some], key=keys, pure=False)
            names.update(zip(futures, [name for name, _ in some], strict=True))
            arrived.update(futures)

    try:
        hand_out()
        for batch in arrived.batches():
            # all at once: one by one costs a round trip each
            results = iter(client.gather([future for future in batch if future.status == "finished"]))
            for future in batch:
                if future.status in ("cancelled", "lost"):
                    raise _SchedulerLostError
                yield names.pop(future), future.exception() if future.status == "error" else next(results)
            hand_out()
    except (CancelledError, OSError) as error:
        raise _SchedulerLostError from error
