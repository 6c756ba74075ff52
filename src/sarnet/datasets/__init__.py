"""Where training and test images come from: radiographs with masks, splits by patient, simulated pairs."""

from sarnet.datasets.alignment import AlignedOriginals
from sarnet.datasets.augmentation import TrainingPair, augmented_pair, different_pair, joined
from sarnet.datasets.radiographs import (
    Original,
    Radiograph,
    Split,
    check_masks,
    later_visits,
    load_images,
    load_label_map,
    load_masks,
    load_originals,
    read_radiographs,
    split_by_patient,
)
from sarnet.datasets.simulated_pairs import KnownPair, SimulatedPairs, write_pairs
from sarnet.datasets.simulation import SimulatedPair, applied_field, largest_voxels, simulate_pair

__all__ = [
    "AlignedOriginals",
    "KnownPair",
    "Original",
    "Radiograph",
    "SimulatedPair",
    "SimulatedPairs",
    "Split",
    "TrainingPair",
    "applied_field",
    "augmented_pair",
    "check_masks",
    "different_pair",
    "joined",
    "largest_voxels",
    "later_visits",
    "load_images",
    "load_label_map",
    "load_masks",
    "load_originals",
    "read_radiographs",
    "simulate_pair",
    "split_by_patient",
    "write_pairs",
]
