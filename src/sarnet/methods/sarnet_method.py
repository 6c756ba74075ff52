"""This package's own registration as a method among others."""

from dataclasses import dataclass
from typing import Any

from sarnet.config import RegistrationSettings
from sarnet.images import Image
from sarnet.losses import read_vgg
from sarnet.methods.method import MethodResult
from sarnet.networks import LoadedGenerator, load_generator
from sarnet.registration import register


@dataclass(frozen=True, kw_only=True, eq=False)
class SarnetMethod:
    """The generator in one of its modes."""

    name: str
    registration: RegistrationSettings
    loaded: LoadedGenerator | None
    """The network, loaded once for all pairs; none where the result is an affine map."""
    vgg: str | None = None
    """Who published the VGG16 that the paper's objective looks through, where it is adapted by that."""

    @classmethod
    def load(cls, name: str, registration: RegistrationSettings) -> "SarnetMethod":
        """Load the network that the settings name.

        Raises:
            WeightsError: If that cannot be done, or VGG16's weights, where they are wanted, are others.
            DataError: If VGG16's are not there.
        """
        loaded = load_generator(registration.model) if registration.transform == "deformable" else None
        paper = registration.paper
        sees = loaded is not None and registration.adapt == "paper" and paper.weights.vgg > 0
        vgg = read_vgg(paper.vgg).record.name if sees else None
        return cls(name=name, registration=registration, loaded=loaded, vgg=vgg)

    @property
    def settings(self) -> dict[str, Any]:
        """The registration's settings and the hash of the weights; of VGG16 whose it is, not where its file lies."""
        told = self.registration.model_dump(mode="json")
        told["paper"]["vgg"] = self.vgg
        return {**told, "weights_sha256": self.loaded.sha256 if self.loaded else None}

    def register(self, fixed: Image, moving: Image, *, affine_start: bool = True) -> MethodResult:
        """As :class:`sarnet.methods.Method` has it; see :func:`sarnet.registration.register`."""
        start = affine_start and self.registration.affine_start
        settings = self.registration.model_copy(update={"affine_start": start})
        found = register(fixed, moving, settings, loaded=self.loaded)
        return MethodResult(
            transform=found.transform,
            seconds_by_stage=found.record.seconds_by_stage,
            iterations=found.record.iterations,
        )
