"""`spacy cqa label`: weak labels on files, and what happens on bad input."""

import json

import pytest
import spacy
import srsly
from spacy.cli._util import app as spacy_app
from typer.testing import CliRunner

import spacy_cqa.cli
import spacy_cqa.training.writing
from spacy_cqa.cli.label import SOURCES, label
from spacy_cqa.ontology import labels
from spacy_cqa.training.corpus import read_docs
from spacy_cqa.training.records import doc_to_record

from ..notes import NOTES
from ..ontology.conftest import make_kb
from .test_commands import fails

TEXT = "Cough and HTN. WBC 14.2. Takes metformin 1000 mg. Left arm."
QUESTIONS = {  # by id: the answers, and the category given by hand
    "a": (["Cough"], None),
    "b": (["HTN"], "Diagnosis"),
    "c": (["14.2"], None),
    "d": (["1000 mg"], "Procedure"),
    "e": (["Left arm"], None),
    "f": ([], None),
}
LABELS = {"a": "Symptoms", "b": "Diagnosis", "c": "Lab Reports", "d": "Procedure", "e": None, "f": None}


@pytest.fixture
def run():
    runner = CliRunner()
    return lambda *arguments: runner.invoke(spacy_app, ["cqa", "label", *[str(argument) for argument in arguments]])


@pytest.fixture(scope="module")
def kb(tmp_path_factory):
    return make_kb(tmp_path_factory.mktemp("kb") / "small")


@pytest.fixture
def notes(tmp_path):
    """A file of one note."""
    qas = [
        {
            "id": qid,
            "question": "What?",
            "category": category,
            "answers": [{"text": answer, "answer_start": TEXT.index(answer)} for answer in answers],
        }
        for qid, (answers, category) in QUESTIONS.items()
    ]
    path = tmp_path / "notes.json"
    srsly.write_json(path, {"data": [{"paragraphs": [{"id": "n1", "context": TEXT, "qas": qas}]}]})
    return path


def read(path):
    (record,) = [doc_to_record(doc) for doc in read_docs(path, spacy.blank("en"))]
    return {question.id: question for question in record.questions}


@pytest.mark.parametrize("name", ["out.json", "out.spacy"])
def test_label(name, run, kb, notes, tmp_path):
    output = tmp_path / "deep" / name
    result = run(notes, output, "--kb", kb)
    assert result.exit_code == 0, result.stderr
    assert "Labelled 1 questions by concept" in result.stdout
    assert "Labelled 1 questions by value" in result.stdout
    assert "Kept 2 labels as they were; 1 questions have none" in result.stdout
    assert "union" in result.stdout
    found = read(output)
    assert {qid: question.category for qid, question in found.items()} == LABELS
    assert {qid: question.extra.get("label_source") for qid, question in found.items()} == {
        **dict.fromkeys(QUESTIONS),
        "a": "concept",
        "c": "value",
    }
    assert found["a"].category_probs == [0, 0, 1, 0, 0]
    assert {path.name for path in output.parent.iterdir()} == {name}


def test_notes_are_not_printed(run, kb, notes, tmp_path):
    result = run(notes, tmp_path / "out.json", "--kb", kb, "--report", tmp_path / "report.json")
    for printed in (result.stdout, result.stderr, (tmp_path / "report.json").read_text(encoding="utf8")):
        assert not any(word in printed for word in ("Cough", "HTN", "14.2", "metformin", "Left arm"))


def test_overwrite(run, kb, notes, tmp_path):
    assert run(notes, tmp_path / "out.json", "--kb", kb, "--overwrite").exit_code == 0
    found = read(tmp_path / "out.json")
    assert {qid: question.category for qid, question in found.items()} == {**LABELS, "d": "Medication"}
    assert found["d"].extra["label_source"] == "pattern"


def test_sources_and_threshold(run, kb, notes, tmp_path):
    options = ["--source", "value", "--source", "pattern", "--overwrite", "--threshold", "1"]
    assert run(notes, tmp_path / "out.json", "--kb", kb, *options).exit_code == 0
    found = read(tmp_path / "out.json")
    assert {qid: question.extra.get("label_source") for qid, question in found.items()} == {
        **dict.fromkeys(QUESTIONS),
        "c": "value",
        "d": "value",  # of metformin
    }


def test_report_and_json(run, kb, notes, tmp_path):
    result = run(notes, tmp_path / "out.json", "--kb", kb, "--report", tmp_path / "r" / "report.json", "--json")
    compared = json.loads(result.stdout)
    assert compared == srsly.read_json(tmp_path / "r" / "report.json")
    assert list(compared) == [*SOURCES, "union", "questions"]
    assert compared["questions"] == {"labelled": {"concept": 1, "value": 1}, "kept": 2, "none": 1}
    union = compared["union"]
    assert (union["answers"], union["labelled"], union["coverage"], union["accuracy"]) == (2, 2, 1.0, 0.5)
    assert union["confusion"]["Procedure"]["Medication"] == 1


def test_the_function(kb, notes, tmp_path):
    report, compared = label(notes, tmp_path / "out.spacy", kb=str(kb), sources=list(SOURCES))
    assert (dict(report.labelled), report.kept, report.none) == ({"concept": 1, "value": 1}, 2, 1)
    assert compared["union"]["answers"] == 2
    again, _ = label(tmp_path / "out.spacy", tmp_path / "again.spacy", kb=str(kb), sources=list(SOURCES))
    assert again == report
    assert read(tmp_path / "again.spacy") == read(tmp_path / "out.spacy")


def test_nothing_to_compare_with(run, kb, tmp_path):
    srsly.write_json(tmp_path / "in.json", {"data": [{"paragraphs": [{"context": NOTES[0][0], "qas": []}]}]})
    result = run(tmp_path / "in.json", tmp_path / "out.json", "--kb", kb)
    assert result.exit_code == 0, result.stderr
    assert "Kept 0 labels as they were; 0 questions have none" in result.stdout
    assert "union" not in result.stdout


def test_an_output_may_be_the_input(run, kb, notes):
    assert run(notes, notes, "--kb", kb).exit_code == 0
    assert {qid: question.category for qid, question in read(notes).items()} == LABELS


# Bad input ------------------------------------------------------------------------------------------------------------


def test_bad_input(run, kb, notes, tmp_path):
    output = tmp_path / "out.json"
    fails(run(tmp_path / "none.json", output, "--kb", kb), "CQA-E031", "none.json")
    fails(run(notes, tmp_path / "out.txt", "--kb", kb), "CQA-E033", "out.txt")
    fails(run(notes, output, "--kb", tmp_path / "nowhere"), "CQA-E060", "nowhere", "spacy cqa kb")
    fails(run(notes, output, "--kb", kb, "--source", "magic"), "magic", "concept, pattern, value")
    for threshold in ("-0.1", "1.1", "nan"):
        fails(run(notes, output, "--kb", kb, "--threshold", threshold), "--threshold", threshold)
    (tmp_path / "broken.json").write_text("{", encoding="utf8")
    fails(run(tmp_path / "broken.json", output, "--kb", kb), "CQA-E032", "broken.json")
    assert {path.name for path in tmp_path.iterdir()} == {"notes.json", "broken.json"}


def test_a_damaged_knowledge_base(run, notes, tmp_path):
    damaged = make_kb(tmp_path / "kb")
    (damaged / "vectorizer.json").write_text("{", encoding="utf8")
    fails(run(notes, tmp_path / "out.json", "--kb", damaged), "CQA-E061", str(damaged))
    assert not (tmp_path / "out.json").exists()


def test_an_error_in_the_middle_leaves_the_old_file(run, kb, notes, tmp_path, monkeypatch):
    def fail(self, record):
        raise OSError("No space left on device")

    (tmp_path / "out.json").write_text("old", encoding="utf8")
    monkeypatch.setattr(spacy_cqa.training.writing.JsonWriter, "add", fail)
    fails(run(notes, tmp_path / "out.json", "--kb", kb), "No space left on device")
    fails(run(notes, tmp_path / "new.json", "--kb", kb), "No space left on device")
    assert (tmp_path / "out.json").read_text(encoding="utf8") == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"notes.json", "out.json"}


def test_sources_are_those_of_the_labeller():
    assert SOURCES == labels.SOURCES


def test_help_has_an_example(run):
    result = run("--help")
    assert result.exit_code == 0
    assert "Example: python -m spacy cqa label" in " ".join(result.stdout.split())
