"""Notes are written to one file, whole or not at all; the other ways to write are tested with the command."""

import pytest
import spacy

from spacy_cqa.training.converters.squad import read_squad
from spacy_cqa.training.corpus import read_docs
from spacy_cqa.training.records import GoldAnswer, GoldQuestion, QARecord, doc_to_record
from spacy_cqa.training.writing import check_ending, write_records

NOTES = [
    QARecord("a", "Has gout.", [GoldQuestion("q", "What?", "single", [GoldAnswer("gout", 4)], "Diagnosis")]),
    QARecord("b", "Well.", [GoldQuestion("q", "What?", "impossible")]),
]


def read(path):
    if path.suffix == ".json":
        return list(read_squad(path))
    return [doc_to_record(doc) for doc in read_docs(path, spacy.blank("en"))]


@pytest.mark.parametrize("ending", [".spacy", ".json"])
@pytest.mark.parametrize("notes", [NOTES, []])
def test_notes_come_back(notes, ending, tmp_path):
    path = tmp_path / "deep" / f"notes{ending}"
    for _ in range(2):  # an earlier file is replaced, not continued
        write_records(path, iter(notes))
        assert [(note.text, note.questions) for note in read(path)] == [(note.text, note.questions) for note in notes]
    assert list(path.parent.iterdir()) == [path]


def test_the_pipeline_splits_the_notes(tmp_path):
    nlp = spacy.blank("en")
    nlp.tokenizer.rules = None
    nlp.tokenizer.suffix_search = None
    write_records(tmp_path / "notes.spacy", NOTES[:1], nlp)
    (doc,) = read_docs(tmp_path / "notes.spacy", nlp)
    assert [token.text for token in doc] == ["Has", "gout."]


@pytest.mark.parametrize("ending", [".spacy", ".json"])
def test_nothing_is_written_on_an_error(ending, tmp_path):
    path = tmp_path / f"notes{ending}"
    path.write_text("mine")

    def notes():
        yield from NOTES
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        write_records(path, notes())
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {path.name: "mine"}


@pytest.mark.parametrize("name", ["notes", "notes.txt", "notes.jsonl"])
def test_other_endings(name, tmp_path):
    with pytest.raises(ValueError, match=r"CQA-E033.*Use \.json\."):
        check_ending(tmp_path / name, endings=[".json"])
    with pytest.raises(ValueError, match=r"CQA-E033.*Use \.spacy or \.json\."):
        write_records(tmp_path / name, NOTES)
    assert list(tmp_path.iterdir()) == []
