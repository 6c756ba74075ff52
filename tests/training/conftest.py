"""A training whose every stage takes a second or two."""

from pathlib import Path

import pytest

from sarnet.config import (
    AdversarialSettings,
    DiscriminatorSettings,
    GeneratorSettings,
    InitialSettings,
    ObjectiveSettings,
    SourceSettings,
    TrainingSettings,
    UnetSettings,
)


@pytest.fixture
def settings(visits: Path, tmp_path: Path) -> TrainingSettings:
    """Three stages of four steps, on tiny networks with every output."""
    return TrainingSettings(
        visits=visits,
        out=tmp_path / "run",
        size=32,
        precision="32-true",
        validate_steps=2,
        generator=GeneratorSettings(
            stride=2, maps=8, blocks=1, encoder_blocks=1, matched_maps=4, radius=1, synthesizes=True, segments=True
        ),
        initial=InitialSettings(steps=4, batch=2, warm_up_steps=2),
        adversarial=AdversarialSettings(
            steps=4,
            warm_up_steps=2,
            sources=(SourceSettings(kind="simulated", pairs=1), SourceSettings(kind="patients", pairs=1)),
            weights=ObjectiveSettings(vgg=0),  # its weights are not at hand
            discriminator=DiscriminatorSettings(maps=4),
        ),
        unet=UnetSettings(steps=4, channels=(4, 8), warm_up_steps=2),
    )
