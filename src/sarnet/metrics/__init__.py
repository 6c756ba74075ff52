"""What a result is judged by: overlap of labels, distance of landmarks, folding, inverse consistency."""

from sarnet.metrics.folding import folding_percent
from sarnet.metrics.inverse_consistency import inverse_consistency_voxels
from sarnet.metrics.landmarks import target_registration_error_mm
from sarnet.metrics.overlap import dice, mask_dice

__all__ = ["dice", "folding_percent", "inverse_consistency_voxels", "mask_dice", "target_registration_error_mm"]
