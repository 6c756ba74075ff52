"""The terms of the objective, one a file, as functions of tensors that fall as things get better."""

from sarnet.losses.adversarial import discriminator_adversarial, generator_adversarial
from sarnet.losses.cycle import cycle
from sarnet.losses.field import field_error, normalised_field_error
from sarnet.losses.folding import folding
from sarnet.losses.lncc import lncc, squared_correlation
from sarnet.losses.mask_overlap import mask_overlap
from sarnet.losses.mask_supervision import mask_supervision
from sarnet.losses.nmi import nmi
from sarnet.losses.objective import objective
from sarnet.losses.smoothness import smoothness
from sarnet.losses.soft_dice import soft_dice
from sarnet.losses.ssim import ssim
from sarnet.losses.tie import tie
from sarnet.losses.vgg import VggFeatures, VggRecord, vgg_distance
from sarnet.losses.vgg_weights import read_vgg

__all__ = [
    "VggFeatures",
    "VggRecord",
    "cycle",
    "discriminator_adversarial",
    "field_error",
    "folding",
    "generator_adversarial",
    "lncc",
    "mask_overlap",
    "mask_supervision",
    "nmi",
    "normalised_field_error",
    "objective",
    "read_vgg",
    "smoothness",
    "soft_dice",
    "squared_correlation",
    "ssim",
    "tie",
    "vgg_distance",
]
