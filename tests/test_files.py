"""Outputs appear whole or not at all."""

from pathlib import Path

import pytest

from spacy_cqa.files import whole_file, whole_outputs


def content(folder):
    """Everything below a folder, hidden names too."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def break_off(output, name=""):
    with output as scratch:
        (scratch / name).write_text("half")
        raise RuntimeError("broken")


def test_a_file_appears_when_it_is_written(tmp_path):
    path = tmp_path / "a" / "b.json"
    for text in ("first", "second"):
        with whole_file(path) as scratch:
            scratch.write_text(text)
            assert scratch.suffix == ".json"
            assert not path.exists() or path.read_text() == "first"
        assert content(tmp_path) == {"a/b.json": text}


@pytest.mark.parametrize("before", [{}, {"b.json": "old"}])
def test_a_broken_file_changes_nothing(before, tmp_path):
    for name, text in before.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(RuntimeError, match="broken"):
        break_off(whole_file(tmp_path / "b.json"))
    assert content(tmp_path) == before


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    folder = tmp_path / "a" / "kb"
    for name in ("first", "second"):
        with whole_outputs(folder) as scratch:
            scratch.mkdir()
            (scratch / name).write_text(name)
        assert content(tmp_path) == {f"a/kb/{name}": name}


def test_a_link_to_a_folder_stays_one(tmp_path):
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb" / "old").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "kb")
    with whole_outputs(tmp_path / "link") as scratch:
        scratch.mkdir()
        (scratch / "new").write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert content(tmp_path / "kb") == {"new": "new"}


def test_the_folder_one_is_in(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    root = Path()
    with whole_outputs(root, [root / "train.json"]) as scratch:
        (scratch / "train.json").write_text("1")
    assert content(tmp_path) == {"here/train.json": "1"}


def test_outputs_are_replaced_and_the_rest_stays(tmp_path):
    root = tmp_path / "corpus"
    (root / "train").mkdir(parents=True)
    (root / "train" / "1").write_text("old")
    (root / "dev").write_text("old")
    (root / "mine").write_text("mine")
    with whole_outputs(root, [root / "train", root / "dev"]) as scratch:
        (scratch / "train").mkdir()
        (scratch / "train" / "2").write_text("new")
        (scratch / "dev").write_text("new")
        visible = {name: text for name, text in content(root).items() if not name.startswith(".")}
        assert visible == {"train/1": "old", "dev": "old", "mine": "mine"}
    assert content(tmp_path) == {"corpus/train/2": "new", "corpus/dev": "new", "corpus/mine": "mine"}
    assert sorted(path.name for path in root.iterdir()) == ["dev", "mine", "train"]


def test_outputs_are_written_where_moving_is_renaming(tmp_path):
    """In the folder that stays, which may be a mount point; beside the one that is replaced."""
    root = tmp_path / "corpus"
    root.mkdir()
    with whole_outputs(root, [root / "train"]) as scratch:
        (scratch / "train").write_text("new")
        assert root in scratch.parents
    with whole_outputs(root) as scratch:
        scratch.write_text("new")
        assert root not in scratch.parents
        assert tmp_path in scratch.parents
    assert content(tmp_path) == {"corpus": "new"}


@pytest.mark.parametrize("before", [{}, {"train/1": "old"}, {"train": "old", "dev": "old", "mine": "mine"}])
def test_outputs_of_which_one_cannot_be_moved_change_nothing(before, tmp_path):
    root = tmp_path / "a" / "corpus"
    for name, text in before.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    with pytest.raises(FileNotFoundError), whole_outputs(root, [root / "train", root / "dev"]) as scratch:
        (scratch / "train").write_text("new")  # and nothing as dev
    assert content(tmp_path) == {f"a/corpus/{name}": text for name, text in before.items()}
    assert [path.name for path in tmp_path.iterdir()] == (["a"] if before else [])


def test_a_folder_that_cannot_be_replaced_stays(tmp_path):
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb" / "old").write_text("old")
    with pytest.raises(FileNotFoundError), whole_outputs(tmp_path / "kb"):
        pass  # nothing is written
    assert content(tmp_path) == {"kb/old": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["kb"]


def test_broken_outputs_leave_no_folder(tmp_path):
    root = tmp_path / "a" / "corpus"
    with pytest.raises(RuntimeError, match="broken"):
        break_off(whole_outputs(root, [root / "train", root / "dev"]), "train")
    assert list(tmp_path.iterdir()) == []
