import numpy as np
import pytest
import SimpleITK as sitk
import torch

from sarnet.datasets import Original
from sarnet.networks import Generator
from sarnet.training.picture import save_picture


def _drawn(settings, path, **change):
    """The picture of two images of noise: (row, column, colour), and the generator as it was left."""
    torch.manual_seed(0)
    generator = Generator(settings.generator.model_copy(update=change))
    images = torch.rand(2, 1, 32, 32)
    save_picture(generator, Original(images, torch.zeros_like(images)), path)
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[..., :3].astype(int), generator


@pytest.mark.parametrize(("segments", "panels"), [(True, 7), (False, 6)])
def test_every_panel_is_filled(settings, tmp_path, segments, panels):
    picture, _ = _drawn(settings, tmp_path / "pictures" / "step.png", segments=segments)

    height, width, _ = picture.shape
    assert width == pytest.approx(panels * 3 / 3.2 * height, rel=0.01)  # of three by 3.2 inches each
    for panel in np.array_split(picture, panels, axis=1):
        assert (panel.min(axis=2) < 230).mean() > 0.02  # all else is white paper; the field is a few lines


def test_images_are_grey_and_their_differences_are_not(settings, tmp_path):
    picture, _ = _drawn(settings, tmp_path / "step.png")

    colours = [np.ptp(panel, axis=2).max() for panel in np.array_split(picture, 7, axis=1)]
    assert colours[:3] == [0, 0, 0]
    assert min(colours[3:]) > 50


def test_generator_goes_on_learning(settings, tmp_path):
    _, generator = _drawn(settings, tmp_path / "step.png", normalisation="batch")

    assert generator.training
    assert all(buffer.eq(0).all() for name, buffer in generator.named_buffers() if name.endswith("num_batches_tracked"))
