"""`spacy cqa link`, as a function and as a user types it."""

import pytest
import spacy
from spacy.cli._util import app as spacy_app
from typer.testing import CliRunner

import spacy_cqa.cli
from spacy_cqa.cli.link import link
from spacy_cqa.ontology.concepts import make_concept
from spacy_cqa.ontology.kb import build_kb

from ..notes import NOTES

QUESTION = NOTES[0][1][0][0]


@pytest.fixture(scope="module")
def kb(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kb") / "small"
    build_kb([make_concept("C1", ["azithromycin"], ["T195"], xrefs=[("RXNORM", "18631")])], folder)
    return folder


def run(*arguments):
    return CliRunner().invoke(spacy_app, ["cqa", "link", *map(str, arguments)])


def test_the_new_pipeline_links_and_the_old_one_is_as_it_was(trained_path, kb, data, tmp_path):
    before = sorted((path, path.stat().st_mtime_ns) for path in trained_path.rglob("*"))
    result = run(trained_path, tmp_path / "linked", "--kb", kb, "--dev", data / "notes.spacy")
    assert result.exit_code == 0, result.stderr
    assert "Weight" in result.stdout
    assert sorted((path, path.stat().st_mtime_ns) for path in trained_path.rglob("*")) == before
    nlp = spacy.load(tmp_path / "linked")
    (answer,) = spacy_cqa.ask(nlp, NOTES[0][0], [QUESTION])
    assert (answer.text, answer.concept_id) == ("azithromycin", "C1")
    linker = nlp.get_pipe("clinical_qa_linker")
    assert linker.kb["C1"].xrefs == {"RXNORM": ("18631",)}
    assert linker.cfg["linker_weight"] == linker.weight


def test_an_earlier_output_is_replaced(trained_path, kb, tmp_path):
    for threshold in (0.9, 0.8):
        link(str(trained_path), tmp_path / "linked", kb=str(kb), threshold=threshold)
    linker = spacy.load(tmp_path / "linked").get_pipe("clinical_qa_linker")
    assert linker.settings["threshold"] == 0.8


def test_without_development_data_nothing_is_fitted(trained_path, kb, tmp_path):
    assert link(str(trained_path), tmp_path / "linked", kb=str(kb), category_source="ontology") is None
    linker = spacy.load(tmp_path / "linked").get_pipe("clinical_qa_linker")
    assert (linker.cfg, linker.settings["category_source"]) == ({}, "ontology")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "nowhere"}, "No pipeline in nowhere"),
        ({"--kb": "nowhere"}, "E060"),
        ({"--categories": "both", "--dev": None}, "E064"),
        ({"--categories": "reader"}, "--dev fits"),
        ({"--threshold": "7"}, "E064"),
        ({"--dev": "nowhere.spacy"}, "E031"),
    ],
)
def test_bad_input_is_one_clear_error(trained_path, kb, data, tmp_path, changes, words):
    options = {"model": trained_path, "--kb": kb, "--dev": data / "notes.spacy", **changes}
    model = options.pop("model")
    result = run(model, tmp_path / "linked", *(word for option in options.items() if option[1] for word in option))
    assert result.exit_code == 1
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(trained_path, kb, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    result = run(trained_path, tmp_path, "--kb", kb)
    assert result.exit_code == 1
    assert "left as it is" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
