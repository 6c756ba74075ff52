import numpy as np
import pytest

from sarnet.errors import DataError
from sarnet.registration.landmarks import read_landmarks


def test_columns_are_found_by_name_in_any_order(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("name,moving_y,moving_x,fixed_x,fixed_y\na,4,3,1,2\nb,-8,7.5,5,6\n", encoding="utf-8")

    found = read_landmarks(path, axes=2)

    np.testing.assert_array_equal(found.fixed, [[1, 2], [5, 6]])
    np.testing.assert_array_equal(found.moving, [[3, 4], [7.5, -8]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "fixed_x,fixed_y,moving_x\n1,2,3\n",
            "has no column 'moving_y', but needs fixed_x, fixed_y, moving_x, moving_y",
        ),
        ("fixed_x,fixed_y,moving_x,moving_y\n1,2,3,here\n", "holds a cell that is no number"),
        ("fixed_x,fixed_y,moving_x,moving_y\n1,2,3\n", "holds a cell that is no number"),
        ("fixed_x,fixed_y,moving_x,moving_y\n", "has no row, but needs a landmark at least"),
        ("", "has no column 'fixed_x'"),
    ],
)
def test_table_that_does_not_do_is_refused(text, message, tmp_path):
    path = tmp_path / "points.csv"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(DataError, match=message):
        read_landmarks(path, axes=2)


def test_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"guide-points .*none.csv cannot be read"):
        read_landmarks(tmp_path / "none.csv", axes=2)
