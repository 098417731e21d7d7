"""`spacy cqa generate`: files of generated questions, and what happens on bad input."""

import json

import pytest
import spacy
from spacy.cli._util import app as spacy_app
from typer.testing import CliRunner

import spacy_cqa.cli  # noqa: F401 - adds the commands
from spacy_cqa.training.converters.squad import read_squad
from spacy_cqa.training.corpus import read_docs
from spacy_cqa.training.records import doc_to_record

from ..training.generate.notes import NOTE, written_note
from .test_commands import fails


@pytest.fixture
def run():
    runner = CliRunner()
    return lambda *arguments: runner.invoke(spacy_app, ["cqa", "generate", *[str(argument) for argument in arguments]])


@pytest.fixture
def notes(tmp_path):
    """Writes a file of the written note; gives its path."""

    def write(split="train", **changes):
        note = {**written_note().meta["paragraph"], "context": NOTE, "qas": [], **changes}
        data = {"version": "v2.0", "split": split, "data": [{"title": "n", "paragraphs": [note]}]}
        path = tmp_path / "notes.json"
        path.write_text(json.dumps(data), encoding="utf8")
        return path

    return write


def test_both_forms_hold_the_same(run, notes, tmp_path):
    for ending in (".json", ".spacy"):
        result = run(tmp_path / f"made{ending}", "--questions", 60, "--seed", 4, "--notes", notes())
        assert result.exit_code == 0
        assert "Wrote 60 questions on" in result.output
    from_json = list(read_squad(tmp_path / "made.json"))
    from_spacy = [doc_to_record(doc) for doc in read_docs(tmp_path / "made.spacy", spacy.blank("en"))]
    assert [(note.text, note.questions) for note in from_json] == [(note.text, note.questions) for note in from_spacy]
    assert sum(len(note.questions) for note in from_json) == 60
    assert any(note.text == NOTE for note in from_json)


def test_share_of_written_notes(run, notes, tmp_path):
    for share in (0, 1):
        result = run(tmp_path / "made.json", "--questions", 10, "--notes", notes(), "--written-share", share)
        assert result.exit_code == 0
        texts = {note.text for note in read_squad(tmp_path / "made.json")}
        assert texts == {NOTE} if share else NOTE not in texts


def test_shards_hold_the_same_as_one_file(run, tmp_path):
    for output, *options in (("one.spacy",), ("shards", "--shard", 25)):
        assert run(tmp_path / output, "--questions", 60, "--seed", 4, *options).exit_code == 0
    sizes = [
        sum(len(doc_to_record(doc).questions) for doc in read_docs(path, spacy.blank("en")))
        for path in sorted((tmp_path / "shards").iterdir())
    ]
    assert sum(sizes) == 60
    assert max(sizes) <= 25
    whole, parts = (
        [question for doc in read_docs(tmp_path / name, spacy.blank("en")) for question in doc_to_record(doc).questions]
        for name in ("one.spacy", "shards")
    )
    assert whole == parts


def test_a_folder_of_something_else_is_left_as_it_is(run, tmp_path):
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "notes.txt").write_text("mine")
    fails(run(tmp_path / "shards", "--shard", 25), "shards")
    assert (tmp_path / "shards" / "notes.txt").read_text() == "mine"
    fails(run(tmp_path / "made.json", "--shard", 25), "without .json")


def test_most_of_a_note(run, tmp_path):
    run(tmp_path / "made.json", "--questions", 20, "--per-note", 3)
    assert max(len(note.questions) for note in read_squad(tmp_path / "made.json")) == 3


@pytest.mark.parametrize("split", ["dev", "test"])
def test_no_other_split(run, notes, tmp_path, split):
    fails(run(tmp_path / "made.json", "--notes", notes(split)), "E069")
    assert not (tmp_path / "made.json").exists()


def test_notes_without_entities(run, notes, tmp_path):
    fails(run(tmp_path / "made.spacy", "--notes", notes(entities=None)), "E068")
    assert not (tmp_path / "made.spacy").exists()


def test_entities_of_a_wrong_form(run, notes, tmp_path):
    right = {"start": 0, "end": 5, "text": "CHIEF", "category": "Symptoms"}
    assert run(tmp_path / "right.json", "--questions", 5, "--notes", notes(entities=[right])).exit_code == 0
    changes = [{"start": "0"}, {"start": None}, {"start": 0.0}, {"end": "5"}, {"start": -5, "end": 0}, {"end": 6}]
    wrong = [[7], [{"start": 0}], *([{**right, **change}] for change in [*changes, {"category": "X"}, {"text": ""}])]
    for entities in wrong:
        fails(run(tmp_path / "made.json", "--notes", notes(entities=entities)), "E068")
    assert not (tmp_path / "made.json").exists()


def test_missing_notes_and_unknown_ending(run, tmp_path):
    fails(run(tmp_path / "made.json", "--notes", tmp_path / "none.json"), "E031")
    fails(run(tmp_path / "made.txt"), "E033")
    assert run(tmp_path / "made.json", "--questions", 0).exit_code != 0


def test_no_note_text_on_the_screen(run, notes, tmp_path):
    result = run(tmp_path / "made.json", "--questions", 30, "--notes", notes())
    assert "lisinopril" not in result.output
