import pytest
import torch

from sarnet.errors import ShapeError
from sarnet.losses.arithmetic import check_one_shape, full_precision, mean_by_image

SPACES = [pytest.param((5, 6), id="2d"), pytest.param((4, 5, 6), id="3d")]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_less_than_single_precision_is_raised_to_it(given, wanted):
    assert full_precision(torch.ones(2, dtype=given)).dtype == wanted


@pytest.mark.parametrize("space", SPACES)
def test_each_image_has_its_own_mean(rng, space):
    values, weight = (torch.from_numpy(rng.uniform(size=(3, 1, *space))) for _ in range(2))

    plain, weighted = mean_by_image(values), mean_by_image(values, weight)

    for image in range(3):
        assert plain[image].item() == pytest.approx(values[image].numpy().mean())
        wanted = (weight[image] * values[image]).numpy().sum() / weight[image].numpy().sum()
        assert weighted[image].item() == pytest.approx(wanted)


def test_mean_of_what_weighs_nothing_is_zero():
    assert mean_by_image(torch.ones(1, 1, 5, 6), torch.zeros(1, 1, 5, 6)).tolist() == [0.0]


def test_tensors_that_were_left_out_have_any_shape():
    check_one_shape(fixed=torch.zeros(1, 1, 4, 4), warped=torch.zeros(1, 1, 4, 4), weight=None)


def test_tensors_of_two_shapes_are_named():
    with pytest.raises(
        ShapeError, match=r"^a, b and c have shapes \[\(1,\), \(1,\), \(2,\)\], but must be of one shape"
    ):
        check_one_shape(a=torch.zeros(1), b=torch.zeros(1), c=torch.zeros(2))
