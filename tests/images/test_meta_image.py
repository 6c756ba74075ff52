import numpy as np
import pytest

from sarnet.errors import DataError
from sarnet.images import Image, read_image, write_image
from sarnet.transforms import read_transform

DAMAGE = [
    *((b"NDims = 2", b"NDims = " + number) for number in (b"-3", b"0", b"99999", b"3000000000", b"x", b"")),
    (b"ElementDataFile = LOCAL", b"ElementDataFile = %s%s%n.raw 1 2 1"),
]


@pytest.mark.parametrize(("whole", "damaged"), DAMAGE)
@pytest.mark.parametrize("read", [read_image, read_transform])
def test_a_header_on_which_metaio_crashes_is_refused(read, whole, damaged, tmp_path):
    path = tmp_path / "i.mha"
    write_image(Image.from_array(np.ones((4, 5), np.float32)), path)
    content = path.read_bytes()
    assert whole in content
    path.write_bytes(content.replace(whole, damaged))

    with pytest.raises(DataError, match=r"i\.mha.*wanted") as refused:
        read(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5)])
def test_a_whole_one_is_read(shape, rng, tmp_path):
    image = Image.from_array(rng.random(shape).astype(np.float32))
    write_image(image, tmp_path / "i.mha")

    np.testing.assert_array_equal(read_image(tmp_path / "i.mha").array, image.array)
