"""Where training and test images come from: radiographs with masks, splits by patient, simulated pairs."""

from sarnet.datasets.augmentation import TrainingPair, augmented_pair
from sarnet.datasets.radiographs import (
    Radiograph,
    Split,
    load_images,
    load_masks,
    read_radiographs,
    split_by_patient,
)
from sarnet.datasets.simulation import SimulatedPair, applied_field, simulate_pair

__all__ = [
    "Radiograph",
    "SimulatedPair",
    "Split",
    "TrainingPair",
    "applied_field",
    "augmented_pair",
    "load_images",
    "load_masks",
    "read_radiographs",
    "simulate_pair",
    "split_by_patient",
]
