import numpy as np
import pytest
import torch

from sarnet.networks.correlation import local_correlation


def _maps(rng, *shape):
    return torch.from_numpy(rng.standard_normal(shape))


@pytest.mark.parametrize("radius", [1, 2])
def test_one_map_an_offset_on_the_same_grid(rng, radius):
    maps = _maps(rng, 2, 5, 7, 9).float()

    correlation = local_correlation(maps, maps, radius=radius)

    assert correlation.shape == (2, (2 * radius + 1) ** 2, 7, 9)
    assert correlation.dtype == torch.float32


def test_no_offset_of_a_map_with_itself_is_one(rng):
    maps = _maps(rng, 1, 5, 7, 9)

    correlation = local_correlation(maps, maps, radius=1)

    assert torch.allclose(correlation[:, 4], torch.ones(1, 7, 9, dtype=torch.float64))
    assert correlation.abs().max() <= 1 + 1e-12


@pytest.mark.parametrize(("dy", "dx"), [(-1, 0), (0, 2), (1, -2)])
def test_offset_at_which_the_moving_map_is_the_fixed_one_is_one(rng, dy, dx):
    fixed = _maps(rng, 1, 5, 9, 9)
    moving = fixed.roll((dy, dx), (2, 3))  # moving(x + offset) = fixed(x)

    correlation = local_correlation(fixed, moving, radius=2)

    best = correlation[..., 2:-2, 2:-2].argmax(dim=1)
    assert torch.equal(best, torch.full_like(best, 5 * (dy + 2) + dx + 2))


def test_agrees_with_numpys_cosines(rng):
    fixed, moving = _maps(rng, 1, 3, 4, 5), _maps(rng, 1, 3, 4, 5)

    correlation = local_correlation(fixed, moving, radius=1)

    for offset, (dy, dx) in enumerate(np.ndindex(3, 3)):
        for y, x in np.ndindex(4, 5):
            a = fixed[0, :, y, x].numpy()
            b = moving[0, :, np.clip(y + dy - 1, 0, 3), np.clip(x + dx - 1, 0, 4)].numpy()  # the outermost place holds
            wanted = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
            assert correlation[0, offset, y, x].item() == pytest.approx(wanted)


def test_contrast_does_not_count(rng):
    fixed, moving = _maps(rng, 1, 3, 4, 5), _maps(rng, 1, 3, 4, 5)

    assert torch.allclose(
        local_correlation(4 * fixed, 0.5 * moving, radius=1), local_correlation(fixed, moving, radius=1)
    )


def test_gradcheck(rng):
    fixed, moving = _maps(rng, 1, 2, 3, 3).requires_grad_(), _maps(rng, 1, 2, 3, 3).requires_grad_()

    assert torch.autograd.gradcheck(lambda f, m: local_correlation(f, m, radius=1), (fixed, moving))
