"""Training: the paper's two stages, the U-Net beside them, and what they remember, log and show."""

from sarnet.training.adversarial import train_adversarial
from sarnet.training.initial import train_initial
from sarnet.training.peers import train_peer
from sarnet.training.run import Progress
from sarnet.training.segmentation import train_unet
from sarnet.training.state import TrainingState
from sarnet.training.train import train
from sarnet.training.validation import Validation, validate

__all__ = [
    "Progress",
    "TrainingState",
    "Validation",
    "train",
    "train_adversarial",
    "train_initial",
    "train_peer",
    "train_unet",
    "validate",
]
