import pytest

from sarnet.errors import InputError
from sarnet.training.run import claim, training_record


def test_folder_is_made_and_one_with_a_checkpoint_wants_to_be_resumed(tmp_path):
    folder = tmp_path / "run" / "initial"

    claim(folder, resume=False)
    (folder / "checkpoint.pt").touch()

    claim(folder, resume=True)
    with pytest.raises(InputError, match=r"holds the checkpoint of a training: go on with --resume"):
        claim(folder, resume=False)


def test_record_says_what_was_trained_and_not_where_files_lay(settings, tmp_path):
    started = settings.model_copy(update={"start": str(tmp_path / "mine.safetensors"), "vgg": tmp_path / "vgg.pth"})

    record = training_record("adversarial", 4, started)

    assert (record["stage"], record["step"], record["start"]) == ("adversarial", 4, "mine")
    assert record["settings"]["adversarial"]["weights"]["cycle"] == 10
    assert str(tmp_path) not in str(record)
