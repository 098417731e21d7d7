"""`spacy cqa kb`: knowledge bases from every form of source, and what happens on bad input."""

import csv

import pytest
import srsly
from spacy.cli._util import app as spacy_app
from typer.testing import CliRunner

import spacy_cqa.cli
import spacy_cqa.ontology.kb
from spacy_cqa.cli.kb import FORMATS, build
from spacy_cqa.ontology.kb import FILES, KnowledgeBase
from spacy_cqa.ontology.sources import READERS

from .test_commands import fails

ROWS = [
    ("id", "name", "synonyms", "types", "xrefs"),
    ("A1", "hypertension", "HTN|high blood pressure", "T047", "ICD10CM:I10"),
    ("A2", "chronic obstructive pulmonary disease", "", "T047", ""),
    ("A3", "cough", "", "Symptoms", ""),
    ("A4", "", "", "T047", ""),
]


@pytest.fixture
def run():
    runner = CliRunner()
    return lambda *arguments: runner.invoke(spacy_app, ["cqa", "kb", *[str(argument) for argument in arguments]])


@pytest.fixture
def table(tmp_path):
    """A table of four rows, one without a name."""
    path = tmp_path / "table.tsv"
    write_table(path, ROWS)
    return path


def write_table(path, rows):
    with path.open("w", encoding="utf8", newline="") as file:
        csv.writer(file, delimiter="\t").writerows(rows)


def test_a_table(run, table, tmp_path):
    result = run(table, tmp_path / "deep" / "kb", "--report", tmp_path / "deep" / "report.json")
    assert result.exit_code == 0, result.stderr
    assert "3 concepts, 7 names, 1 codes" in result.stdout  # with COPD and HBP
    assert "Skipped 1: row without an id or a name (first: table.tsv line 5)" in result.stdout
    kb = KnowledgeBase(tmp_path / "deep" / "kb")
    assert [concept.id for concept in kb] == ["A1", "A2", "A3"]
    assert kb["A2"].aliases == ("COPD",)
    assert kb["A3"].types == ("T184",)
    assert kb["A1"].xrefs == {"ICD10CM": ("I10",)}
    report = srsly.read_json(tmp_path / "deep" / "report.json")
    assert (report["concepts"], report["xrefs"]) == (3, 1)
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"kb", "report.json"}


def test_without_abbreviations(run, table, tmp_path):
    assert run(table, tmp_path / "kb", "--no-abbreviations").exit_code == 0
    assert KnowledgeBase(tmp_path / "kb")["A2"].aliases == ()


def test_the_function(table, tmp_path):
    info, report = build(table, tmp_path / "kb", form="table", options={"default_type": "T047"})
    assert info == {"format": 1, "concepts": 3, "names": 7, "source": "table"}
    assert srsly.read_json(tmp_path / "kb" / "meta.json") == info
    assert (report.concepts, report.xrefs, dict(report.skipped)) == (3, 1, {"row without an id or a name": 1})


def test_options_of_a_table(run, tmp_path):
    rows = [("Nr", "Term", "Other", "Kind", "Codes"), ("B1", "gout", "podagra; gouty arthritis", "", "ICD10CM:M10")]
    write_table(tmp_path / "own.tsv", rows)
    columns = ["--id-column", "nr", "--name-column", "term", "--synonyms-column", "other", "--types-column", "kind"]
    more = ["--xrefs-column", "codes", "--separator", ";", "--default-type", "diagnosis"]
    result = run(tmp_path / "own.tsv", tmp_path / "kb", *columns, *more)
    assert result.exit_code == 0, result.stderr
    (concept,) = KnowledgeBase(tmp_path / "kb")
    assert (concept.names, concept.types) == (("gout", "podagra", "gouty arthritis"), ("T047",))
    assert concept.xrefs == {"ICD10CM": ("M10",)}


def test_obo(run, tmp_path):
    text = 'format-version: 1.2\n\n[Term]\nid: X:1\nname: wheezing\nsynonym: "wheeze" EXACT []\n'
    (tmp_path / "x.obo").write_text(text, encoding="utf8")
    for typed in (["--default-type", "T184"], ["--root", "X:1=T184"]):
        result = run(tmp_path / "x.obo", tmp_path / "kb", "--format", "obo", *typed)
        assert result.exit_code == 0, result.stderr
        (concept,) = KnowledgeBase(tmp_path / "kb")
        assert (concept.id, concept.names, concept.types) == ("X:1", ("wheezing", "wheeze"), ("T184",))
    result = run(tmp_path / "x.obo", tmp_path / "kb", "--format", "obo", "--scope", "narrow")
    assert "No concept has a semantic type" in result.stderr
    (concept,) = KnowledgeBase(tmp_path / "kb")
    assert concept.names == ("wheezing",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--type", "T047"], "E054"),
        (["--format", "doid", "--default-type", "T047"], "E054"),
        (["--format", "jsonl", "--id-column", "nr"], "E054"),
        (["--types-column", "typ"], "E053"),
        (["--format", "obo", "--root", "X:1"], "TERM=TYPE"),
    ],
)
def test_options_that_do_not_apply_are_refused(options, words, run, table, tmp_path):
    result = run(table, tmp_path / "kb", *options)
    assert result.exit_code == 1
    assert words in result.stderr
    assert not (tmp_path / "kb").exists()


def test_a_report_does_not_lie_in_a_knowledge_base(run, table, tmp_path):
    result = run(table, tmp_path / "kb", "--report", tmp_path / "kb" / "report.json")
    assert result.exit_code == 1
    assert "beside" in result.stderr
    assert not (tmp_path / "kb").exists()


def test_a_table_whose_types_are_called_type(run, tmp_path):
    write_table(tmp_path / "own.tsv", [("id", "name", "type"), ("B1", "gout", "Diagnosis")])
    assert run(tmp_path / "own.tsv", tmp_path / "kb").exit_code == 0
    (concept,) = KnowledgeBase(tmp_path / "kb")
    assert concept.types == ("T047",)


def test_umls(run, tmp_path):
    meta = tmp_path / "META"
    meta.mkdir()

    def line(cui, language, source, name):
        parts = [cui, language, "P", "L1", "PF", "S1", "Y", "A1", "", "", "", source, "PT", "11", name, "0", "N", ""]
        return "|".join(parts) + "|\n"

    names = [
        line("C1", "ENG", "SNOMEDCT_US", "gout"),
        line("C1", "GER", "MDRGER", "Gicht"),
        line("C2", "ENG", "MSH", "aspirin"),
        line("C3", "ENG", "SNOMEDCT_US", "cough"),
    ]
    (meta / "MRCONSO.RRF").write_text("".join(names), encoding="utf8")
    types = [f"{cui}|{tui}|A1|x|AT1|256|\n" for cui, tui in (("C1", "T047"), ("C2", "T121"), ("C3", "T184"))]
    (meta / "MRSTY.RRF").write_text("".join(types), encoding="utf8")
    (meta / "MRDEF.RRF").write_text("", encoding="utf8")
    result = run(meta, tmp_path / "kb", "--format", "umls", "--source", "SNOMEDCT_US", "--type", "T047")
    assert result.exit_code == 0, result.stderr
    (concept,) = KnowledgeBase(tmp_path / "kb")
    assert (concept.id, concept.names, concept.types) == ("C1", ("gout",), ("T047",))


def test_a_knowledge_base_is_a_source(run, table, tmp_path):
    assert run(table, tmp_path / "first", "--no-abbreviations").exit_code == 0
    result = run(tmp_path / "first" / "concepts.jsonl", tmp_path / "second", "--format", "jsonl", "--no-abbreviations")
    assert result.exit_code == 0, result.stderr
    first, second = ([*KnowledgeBase(tmp_path / name)] for name in ("first", "second"))
    assert first == second
    assert any(concept.xrefs for concept in second)


def test_all_forms_are_known():
    assert set(FORMATS) == set(READERS)


# Outputs that are there already ---------------------------------------------------------------------------------------


def test_a_knowledge_base_is_replaced_whole(run, table, tmp_path):
    assert run(table, tmp_path / "kb").exit_code == 0
    write_table(table, [ROWS[0], ("B1", "gout", "", "T047", "")])
    assert run(table, tmp_path / "kb").exit_code == 0
    kb = KnowledgeBase(tmp_path / "kb")
    assert [concept.id for concept in kb] == ["B1"]
    assert kb.codes == {}
    assert {path.name for path in (tmp_path / "kb").iterdir()} == set(FILES)
    assert {path.name for path in tmp_path.iterdir()} == {"table.tsv", "kb"}


def test_an_empty_folder_is_used(run, table, tmp_path):
    (tmp_path / "kb").mkdir()
    assert run(table, tmp_path / "kb").exit_code == 0
    assert len(KnowledgeBase(tmp_path / "kb")) == 3


@pytest.mark.parametrize("files", [("thesis.txt",), ("meta.json", "config.cfg"), (*FILES, "thesis.txt")])
def test_a_folder_of_something_else_is_left_alone(files, run, table, tmp_path):
    (tmp_path / "mine").mkdir()
    for name in files:
        (tmp_path / "mine" / name).write_text("{}", encoding="utf8")
    fails(run(table, tmp_path / "mine"), "CQA-E066", "mine")
    assert {path.name: path.read_text(encoding="utf8") for path in (tmp_path / "mine").iterdir()} == dict.fromkeys(
        files, "{}"
    )
    fails(run(table, tmp_path / "mine" / files[0]), "CQA-E066", files[0])


def test_an_error_in_the_middle_leaves_nothing(run, table, tmp_path, monkeypatch):
    assert run(table, tmp_path / "old").exit_code == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "old").iterdir()}

    def fail(*arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr(spacy_cqa.ontology.kb, "build_index", fail)
    fails(run(table, tmp_path / "new"), "No space left on device")
    fails(run(table, tmp_path / "old"), "No space left on device")
    assert {path.name for path in tmp_path.iterdir()} == {"table.tsv", "old"}
    assert {path.name: path.read_bytes() for path in (tmp_path / "old").iterdir()} == before


# Bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_a_missing_source(form, run, tmp_path):
    fails(run(tmp_path / "nowhere", tmp_path / "kb", "--format", form), "CQA-E050", "nowhere")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", FORMATS)
def test_a_source_of_another_form(form, run, tmp_path):
    (tmp_path / "source").write_bytes(b"\x00\xff\xfe not this")
    result = run(tmp_path / "source", tmp_path / "kb", "--format", form)
    fails(result, "CQA-E05", "source")
    assert {path.name for path in tmp_path.iterdir()} == {"source"}


def test_bad_options(run, table, tmp_path):
    fails(run(table, tmp_path / "kb", "--format", "owl"), "CQA-E054", "owl", "umls, obo, table, doid, jsonl")
    fails(run(table, tmp_path / "kb", "--name-column", "label"), "CQA-E053", "label", "synonyms")
    fails(run(table, tmp_path / "kb", "--default-type", "weather"), "CQA-E055", "weather")
    fails(run(table, tmp_path / "kb", "--separator", ""), "CQA-E055", "separator")
    fails(run(table, tmp_path / "kb", "--format", "umls", "--type", "T999"), "CQA-E05")
    assert {path.name for path in tmp_path.iterdir()} == {"table.tsv"}


def test_nothing_is_left_of_the_source(run, table, tmp_path):
    write_table(table, [ROWS[0], ROWS[4]])
    fails(run(table, tmp_path / "kb"), "CQA-E052", "row without an id or a name")
    assert {path.name for path in tmp_path.iterdir()} == {"table.tsv"}


def test_help_has_an_example(run):
    result = run("--help")
    assert result.exit_code == 0
    assert "Example: python -m spacy cqa kb" in " ".join(result.stdout.split())
