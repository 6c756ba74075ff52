import hashlib
import re

import pytest
import torch
from safetensors.torch import save_file

from sarnet.errors import DataError, WeightsError
from sarnet.losses import read_vgg, vgg_distance, vgg_weights
from sarnet.losses.vgg_weights import OXFORD, TORCHVISION

SAID = "RGB, 0..255 minus mean (123.68, 116.779, 103.939), no std division"


@pytest.fixture(scope="module")
def tensors(features):
    """What a file holds: the convolutions, and the rest of VGG16 that nobody here reads."""
    return {**features.state_dict(), "classifier.0.bias": torch.zeros(3)}


@pytest.fixture
def path(tmp_path):
    """Where a test's file goes; it is too large to be left behind."""
    path = tmp_path / "vgg.safetensors"
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture
def written(tensors, path):
    """A file in half precision, as the original weights come."""
    save_file({name: value.half() for name, value in tensors.items()}, path, metadata={"input": SAID})
    return path


@pytest.fixture
def published(tensors, tmp_path, monkeypatch):
    """A file in the cache of torch.hub whose hash is taken for the published one."""
    path = tmp_path / "hub" / "checkpoints" / "vgg16-397923af.pth"
    path.parent.mkdir(parents=True)
    torch.save(tensors, path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(vgg_weights, "_PUBLISHED_HASH", hashlib.sha256(path.read_bytes()).hexdigest()[:8])
    yield path
    path.unlink()


def test_weights_of_a_safetensors_file_are_read_in_single_precision(written, tensors):
    features = read_vgg(written)

    found = features.state_dict()
    assert set(found) == set(tensors) - {"classifier.0.bias"}
    assert all(torch.equal(value, tensors[name].half().float()) for name, value in found.items())


def test_network_is_frozen_and_in_evaluation_mode(written):
    features = read_vgg(written)

    assert not any(module.training for module in features.modules())
    assert not any(parameter.requires_grad for parameter in features.parameters())


@pytest.mark.parametrize(
    ("said", "record"), [(SAID, OXFORD), ("0..1, mean 0.485,0.456,0.406", TORCHVISION)], ids=["oxford", "torchvision"]
)
def test_file_says_what_its_weights_want_to_see(tensors, path, said, record):
    save_file(tensors, path, metadata={"input": said})

    assert read_vgg(path).record == record


def test_published_file_is_found_in_the_cache_or_read_where_it_is_said_to_be(published, tensors):
    for features in (read_vgg(), read_vgg(published)):
        assert features.record == TORCHVISION
        assert all(torch.equal(value, tensors[name]) for name, value in features.state_dict().items())


def test_reading_draws_nothing_at_random(written):
    torch.manual_seed(1)
    wanted = torch.rand(3)
    torch.manual_seed(1)

    read_vgg(written)

    assert torch.equal(torch.rand(3), wanted)


def test_missing_weights_are_answered_with_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    with pytest.raises(DataError) as caught:
        read_vgg()

    said = str(caught.value)
    assert str(tmp_path / "hub" / "checkpoints" / "vgg16-397923af.pth") in said
    assert "load_state_dict_from_url('https://download.pytorch.org/models/vgg16-397923af.pth', check_hash=True)" in said
    assert "vgg = 0" in said
    assert "\n" not in said


def test_missing_file_is_named_and_how_to_get_one(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.safetensors do not exist: get torchvision's \(528 MB\) with python"):
        read_vgg(tmp_path / "nowhere.safetensors")


def test_file_of_another_hash_is_refused_before_it_is_loaded(tmp_path):
    path = tmp_path / "vgg16-397923af.pth"
    path.write_bytes(b"no weights at all")
    found = hashlib.sha256(b"no weights at all").hexdigest()[:8]

    with pytest.raises(WeightsError, match=re.escape(f"have the SHA-256 {found}..., but torchvision's have 397923af")):
        read_vgg(path)


@pytest.mark.parametrize("metadata", [None, {"input": "0..255"}], ids=["nothing", "no mean"])
def test_file_that_does_not_say_what_it_wants_is_refused(tensors, path, metadata):
    save_file(tensors, path, metadata=metadata)

    with pytest.raises(WeightsError, match=r"it must name the mean .*: 123.68,116.779,103.939 or 0.485,0.456,0.406"):
        read_vgg(path)


def test_what_is_no_safetensors_file_is_refused(path):
    path.write_text("no weights at all", encoding="utf-8")

    with pytest.raises(WeightsError, match=r"vgg\.safetensors cannot be read as a safetensors file"):
        read_vgg(path)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"features.28.bias": torch.zeros(3)}, id="shape"),
        pytest.param({"features.28.bias": None}, id="too few"),
        pytest.param({"features.30.weight": torch.zeros(3)}, id="too many"),
    ],
)
def test_tensors_of_another_network_are_refused(tensors, path, change):
    changed = {name: value for name, value in {**tensors, **change}.items() if value is not None}
    save_file(changed, path, metadata={"input": SAID})

    with pytest.raises(WeightsError, match=r"vgg\.safetensors are not those of VGG16: .*features\."):
        read_vgg(path)


@pytest.mark.shared
def test_original_weights_tell_an_aligned_pair_from_a_shifted_one(shared):
    from sarnet.images import read_image

    features = read_vgg(shared / "models" / "vgg16_oxford_conv_fp16.safetensors")
    folder = shared / "data" / "cxr" / "shenzhen"
    array = read_image(sorted(folder.rglob("*.png"))[0]).array
    image = torch.from_numpy(array).float()[None, None] / 255

    stages = features(image)
    losses = [vgg_distance(features, image, image.roll(shift, dims=-1)).item() for shift in (0, 1, 3, 9)]

    assert features.record == OXFORD
    assert max(stage.max() for stage in stages) > 1e3  # as they are known to be: nothing is scaled twice
    assert losses[0] == 0
    assert losses == sorted(losses)
