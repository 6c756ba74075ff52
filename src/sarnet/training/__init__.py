"""Training: the state that a checkpoint holds, and the paper's first stage."""

from sarnet.training.initial import Progress, relative_field_error, train_initial
from sarnet.training.state import TrainingState

__all__ = ["Progress", "TrainingState", "relative_field_error", "train_initial"]
