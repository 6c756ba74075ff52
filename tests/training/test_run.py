import pytest

from sarnet.errors import DataError, InputError
from sarnet.training.run import claim, training_record
from sarnet.training.state import TrainingState


def test_folder_is_made_and_one_with_a_checkpoint_wants_to_be_resumed(tmp_path):
    folder = tmp_path / "run" / "initial"

    claim(folder, resume=False)
    (folder / "checkpoint.pt").touch()

    claim(folder, resume=True)
    with pytest.raises(InputError, match=r"holds the checkpoint of a training: go on with --resume"):
        claim(folder, resume=False)


def test_record_says_what_was_trained_and_not_where_files_lay(settings, tmp_path):
    started = settings.model_copy(update={"start": str(tmp_path / "mine.safetensors"), "vgg": tmp_path / "vgg.pth"})

    record = training_record("adversarial", started, TrainingState({}, {}, {"visits": "3f0c"}, step=4))

    assert (record["stage"], record["step"], record["start"]) == ("adversarial", 4, "mine")
    assert record["learned_from"] == {"visits": "3f0c"}
    assert record["settings"]["adversarial"]["weights"]["cycle"] == 10
    assert str(tmp_path) not in str(record)


def test_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "run").touch()

    with pytest.raises(DataError, match="run/initial cannot be made: Not a directory; choose another folder"):
        claim(tmp_path / "run" / "initial", resume=False)
