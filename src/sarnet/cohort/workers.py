"""Workers that are not ours: of another version, with other weights, or dead."""

from dataclasses import dataclass

from sarnet.cohort.cluster import Cluster
from sarnet.cohort.job import Outcome, WorkerState, difference, worker_state
from sarnet.config import RegistrationSettings
from sarnet.errors import InputError, SarnetError


def check_workers(cluster: Cluster, settings: RegistrationSettings, expected: WorkerState) -> None:
    """Ask all workers what they would register with; those that join later are asked when they get a pair.

    Raises:
        InputError: If the scheduler cannot be reached, or a worker has another version of the package or other weights.
    """
    for address, state in cluster.ask(_Question(settings)).items():
        if isinstance(state, SarnetError):
            raise InputError(f"worker {address}: {state}") from state
        if isinstance(state, Exception):
            raise InputError(
                f"worker {address} cannot run sarnet {expected.version}, install it there: "
                f"{type(state).__name__}: {state}"
            ) from state
        mismatch = difference(expected, state)
        if mismatch:
            raise InputError(f"worker {address} has {mismatch}")


@dataclass(frozen=True)
class _Question:
    """What a worker would register with."""

    settings: RegistrationSettings

    def __call__(self) -> WorkerState:
        return worker_state(self.settings)


def death(error: Exception) -> Outcome:
    """Say what came of a pair that no worker could say."""
    if isinstance(error, ImportError):  # of a worker that joined later
        return Outcome(f"a worker cannot run this version of sarnet ({error}): install it on all", stops_all=True)
    from distributed import KilledWorker  # noqa: PLC0415  # an extra

    if isinstance(error, KilledWorker):
        return Outcome(f"the worker died of it, most often for want of memory: {error}")
    return Outcome(f"the worker failed: {type(error).__name__}: {error}")
