"""What a result is judged by: labels' overlap and outlines, landmarks, folding, volume change, inverse consistency."""

from sarnet.metrics.folding import folding_percent
from sarnet.metrics.inverse_consistency import inverse_consistency_voxels
from sarnet.metrics.landmarks import target_registration_error_mm
from sarnet.metrics.learn2reg import (
    learn2reg_determinant,
    learn2reg_dice,
    learn2reg_hd95,
    learn2reg_sd_log_jacobian,
    learn2reg_tre,
    learn2reg_warp,
)
from sarnet.metrics.mean_of_known import mean_of_known
from sarnet.metrics.overlap import dice, mask_dice
from sarnet.metrics.surface_distance import SurfaceDistance, surface_distances
from sarnet.metrics.volume_change import sd_log_jacobian

__all__ = [
    "SurfaceDistance",
    "dice",
    "folding_percent",
    "inverse_consistency_voxels",
    "learn2reg_determinant",
    "learn2reg_dice",
    "learn2reg_hd95",
    "learn2reg_sd_log_jacobian",
    "learn2reg_tre",
    "learn2reg_warp",
    "mask_dice",
    "mean_of_known",
    "sd_log_jacobian",
    "surface_distances",
    "target_registration_error_mm",
]
