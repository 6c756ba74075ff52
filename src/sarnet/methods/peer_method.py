"""A trained peer as a method: VoxelMorph, DIR-Net or FlowNet, one pass."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from sarnet.config import RegistrationSettings
from sarnet.fields import resize_field
from sarnet.images import Image
from sarnet.methods.method import MethodResult
from sarnet.methods.plane import register_plane
from sarnet.networks import LoadedPeer, load_peer
from sarnet.registration import ComparedPair, magnified


@dataclass(frozen=True, kw_only=True, eq=False)
class PeerMethod:
    """A network behind the same affine start, on the same grid, the images as large as its settings magnify them.

    A peer cannot tell images like those of its training, which this package's network sees at their own size.
    """

    name: str
    registration: RegistrationSettings
    loaded: LoadedPeer

    @classmethod
    def load(cls, name: str, weights: Path, registration: RegistrationSettings) -> "PeerMethod":
        """Load the weights that training wrote.

        Raises:
            WeightsError: If that cannot be done.
            MissingExtraError: If the network's package is not installed.
        """
        return cls(name=name, registration=registration, loaded=load_peer(weights))

    @property
    def settings(self) -> dict[str, Any]:
        """The network, the hash of its weights, threads, and how large it sees the images."""
        own = self.registration.model_dump(mode="json", include={"threads", "longest_voxels", "magnified_voxels"})
        return {**own, "network": self.loaded.settings.model_dump(mode="json"), "weights_sha256": self.loaded.sha256}

    def register(self, fixed: Image, moving: Image, *, affine_start: bool = True) -> MethodResult:
        """As :class:`sarnet.methods.Method` has it.

        Raises:
            InputError: If the images are volumes.
        """
        return register_plane(
            fixed,
            moving,
            self._find,
            stage="network",
            registration=self.registration,
            multiple=2 * self.loaded.network.multiple,  # half as many again is then a multiple, too
            affine_start=affine_start,
        )

    def _find(self, pair: ComparedPair) -> Float[Tensor, "1 2 y x"]:
        seen = (magnified(image, pair.magnification) for image in (pair.fixed, pair.moving_as_seen))
        return resize_field(self.loaded.network(*seen), tuple(pair.fixed.shape[2:]))
