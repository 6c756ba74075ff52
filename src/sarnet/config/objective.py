"""What the terms of the objective count."""

from pydantic import Field

from sarnet.config.settings import Settings


class ObjectiveSettings(Settings):
    """The weight of every term of the objective (eq. 2 to 6); zero switches a term off: nothing of it is computed."""

    nmi: float = Field(default=1.0, ge=0)
    """Normalised mutual information of fixed and warped image (eq. 2)."""
    ssim: float = Field(default=1.0, ge=0)
    """Structural similarity (eq. 2)."""
    vgg: float = Field(default=1.0, ge=0)
    """Distance of VGG16's feature maps (eq. 2); its weights must be at hand."""
    adversarial: float = Field(default=1.0, ge=0)
    """How well the discriminator tells the warped from the real image (eq. 3)."""
    cycle: float = Field(default=10.0, ge=0)
    """Whether an image that went there and back is itself again (eq. 4); the paper's lambda."""
    mask_overlap: float = Field(default=1.0, ge=0)
    """Overlap of the fixed mask and the warped one (eq. 5)."""
    mask_supervision: float = Field(default=1.0, ge=0)
    """Overlap of the masks out of the feature maps with the manual ones (section 2.1)."""
    field: float = Field(default=1.0, ge=0)
    """Squared error of the known field, the paper's form (eq. 5)."""
    tie: float = Field(default=1.0, ge=0)
    """Distance of the synthesized to the warped image, this project's own."""
    field_length: float = Field(default=0.0, ge=0)
    """Mean length of the known field's error in voxels: what the first stage goes by. This project's own."""
    coarse_field: float = Field(default=0.0, ge=0)
    """The same of the trunk's own base field; ``matching`` alone has one. This project's own."""
    lncc: float = Field(default=0.0, ge=0)
    """Local correlation of fixed and warped image, this project's own."""
    inverse_consistency: float = Field(default=0.0, ge=0)
    """Mean length in voxels of both fields one after the other, this project's own."""
    smoothness: float = Field(default=0.0, ge=0)
    """Squared slope of the field, this project's own."""
    folding: float = Field(default=0.0, ge=0)
    """How far the Jacobian determinant is below a small margin, this project's own."""
