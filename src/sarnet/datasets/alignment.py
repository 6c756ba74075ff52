"""Pairs of different images brought together by an affine map, as a network behind an affine start sees them."""

import torch

from sarnet.datasets.radiographs import Original
from sarnet.images import Image
from sarnet.transforms import Transform, align, apply


class AlignedOriginals:
    """Images that are brought onto one another; the map of each pair is looked for once."""

    def __init__(self, originals: Original) -> None:
        """Keep the images.

        Args:
            originals: Any number of them.
        """
        self._images = tuple(Image.from_array(each[0].numpy()) for each in originals.image)
        self._masks = tuple(Image.from_array(each[0].numpy()) for each in originals.mask)
        self._found: dict[tuple[int, int], Transform] = {}

    def moved(self, moving: int, *, onto: int) -> Original:
        """Return an image with its mask as the affine map onto another one places it.

        Args:
            moving: Place of the image.
            onto: Place of the one that stays as it is.

        Raises:
            InputError: If one of them is constant or not finite.
        """
        if (onto, moving) not in self._found:
            found = align(self._images[onto], self._images[moving], kind="affine", threads=torch.get_num_threads())
            self._found[onto, moving] = found.transform
        transform, grid = self._found[onto, moving], self._images[onto].grid
        image = apply(transform, self._images[moving], grid, interpolation="linear")
        mask = apply(transform, self._masks[moving], grid, interpolation="nearest", outside=0)
        return Original(*(torch.from_numpy(each.array)[None, None] for each in (image, mask)))
