"""What the generator and a discriminator want of each other, on logits."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from sarnet.losses.arithmetic import full_precision


def generator_adversarial(logits_of_warped: Float[Tensor, "batch *patch"]) -> Float[Tensor, ""]:
    r"""Return how far the discriminator is from taking warped images for real ones (eq. 3).

    .. math:: -\log D(\mathrm{warped}), \quad D = \frac{1}{1 + e^{-\mathrm{logit}}}

    Zero or more; log 2 where the discriminator cannot tell. The paper's :math:`\log(1 - D)` has the same solution,
    but hardly a slope while the discriminator wins; this is the form that has (non-saturating).

    Args:
        logits_of_warped: The discriminator's logits, positive for "real": one an image, or one a patch.

    References:
        Goodfellow et al., Generative adversarial nets, NeurIPS 2014, section 3. https://arxiv.org/abs/1406.2661
    """
    return F.softplus(-full_precision(logits_of_warped)).mean()


def discriminator_adversarial(
    logits_of_real: Float[Tensor, "batch *patch"], logits_of_warped: Float[Tensor, "other *patch"]
) -> Float[Tensor, ""]:
    r"""Return a discriminator's own loss: what it gets wrong of real and of warped images (eq. 3).

    .. math:: -\log D(\mathrm{real}) - \log(1 - D(\mathrm{warped}))

    Zero or more; 2 log 2 where it cannot tell.

    Args:
        logits_of_real: Logits of images of the domain, positive for "real": one an image, or one a patch.
        logits_of_warped: Logits of warped images, detached from the generator by the caller.

    References:
        Goodfellow et al., Generative adversarial nets, NeurIPS 2014, eq. 1. https://arxiv.org/abs/1406.2661
    """
    real, warped = full_precision(logits_of_real), full_precision(logits_of_warped)
    return F.softplus(-real).mean() + F.softplus(warped).mean()
