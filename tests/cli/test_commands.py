"""The commands, as functions and as a user types them, on good input and on bad."""

import json

import pytest
import spacy
import srsly
from spacy.cli._util import app as spacy_app
from typer.testing import CliRunner

import spacy_cqa.cli  # noqa: F401 - puts the group on spaCy's command
from spacy_cqa.cli.convert import convert
from spacy_cqa.cli.evaluate import evaluate
from spacy_cqa.training.corpus import QACorpus

from ..notes import NOTES

QUESTION = NOTES[0][1][0][0]


@pytest.fixture
def run():
    runner = CliRunner()

    def call(*arguments, stdin=None):
        return runner.invoke(spacy_app, ["cqa", *[str(argument) for argument in arguments]], input=stdin)

    return call


@pytest.fixture
def note(tmp_path):
    path = tmp_path / "note.txt"
    path.write_bytes(NOTES[0][0].replace(". ", ".\r\n", 1).encode("utf8"))
    return path


def fails(result, *words):
    """One clear error: exit code 1, the words on stderr, no traceback, nothing on stdout."""
    assert result.exit_code == 1
    assert all(word in result.stderr for word in words), result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


# ask


def test_ask_prints_a_table(run, trained_path, note):
    result = run("ask", trained_path, note, "-q", QUESTION, "-q", "Which blood thinner is she on?")
    assert result.exit_code == 0, result.stderr
    for expected in ("Question", "azithromycin", "Medication", "Start azithromycin 500 mg daily", "(no answer"):
        assert expected in result.stdout


def test_ask_json_from_standard_input(run, trained_path):
    result = run(
        "ask", trained_path, "-", "-q", QUESTION, "-q", "Which blood thinner is she on?", "--json", stdin=NOTES[0][0]
    )
    data = json.loads(result.stdout)
    (answer,) = data["answers"]
    assert (answer["text"], answer["category"], answer["question_id"]) == ("azithromycin", "Medication", "q1")
    assert NOTES[0][0][answer["start_char"] : answer["end_char"]] == "azithromycin"
    (unanswered,) = data["unanswered"]
    assert unanswered["question_id"] == "q2"
    assert unanswered["null_score"] > 0.5


def test_ask_keeps_windows_line_ends(run, trained_path, note):
    result = run("ask", trained_path, note, "-q", QUESTION, "--json")
    (answer,) = json.loads(result.stdout)["answers"]
    assert note.read_bytes().decode("utf8")[answer["start_char"] : answer["end_char"]] == "azithromycin"


def test_ask_writes_a_page(run, trained_path, note, tmp_path):
    page = tmp_path / "pages" / "answers.html"
    assert run("ask", trained_path, note, "-q", QUESTION, "--html", page).exit_code == 0
    html = page.read_text(encoding="utf8")
    assert "azithromycin<sup>q1</sup></mark>" in html
    assert "#9fd3f2" in html


@pytest.mark.parametrize("text", ["", "  \n\t\n"])
def test_ask_an_empty_note(text, run, trained_path):
    result = run("ask", trained_path, "-", "-q", QUESTION, "--json", stdin=text)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["answers"] == []


def test_ask_bad_input(run, trained_path, note, tmp_path):
    fails(run("ask", tmp_path / "nowhere", note, "-q", QUESTION), "nowhere", "training/model-best")
    fails(run("ask", trained_path, tmp_path / "none.txt", "-q", QUESTION), "none.txt", "standard input")
    fails(run("ask", trained_path, note), "Nothing to ask", "-q")
    fails(run("ask", trained_path, note, "-q", "word " * 100), "CQA-E009", "max_question_tokens")
    fails(run("ask", trained_path, note, "-q", "  "), "CQA-E003")
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\xff\xfe\x00pneumonia")
    fails(run("ask", trained_path, binary, "-q", QUESTION), "not in UTF-8")


def test_ask_a_pipeline_without_the_component(run, note, tmp_path):
    spacy.blank("en").to_disk(tmp_path / "blank")
    fails(run("ask", tmp_path / "blank", note, "-q", QUESTION), "no component clinical_qa")


def test_ask_a_corrupt_model(run, trained, note, tmp_path):
    trained.to_disk(tmp_path / "model")
    (tmp_path / "model" / "clinical_qa" / "model.safetensors").write_bytes(b"not weights")
    fails(run("ask", tmp_path / "model", note, "-q", QUESTION), "CQA-E020")


# evaluate


def test_evaluate_equals_nlp_evaluate(trained, trained_path, data):
    scores, results = evaluate(str(trained_path), data / "notes.spacy")
    nlp = spacy.load(trained_path)
    expected = nlp.evaluate(list(QACorpus(data / "notes.spacy")(nlp)))
    assert len(results) == scores["questions"] == 20
    for name, value in scores.items():
        if name.startswith("cqa_"):
            assert value == expected[name], name


def test_evaluate_writes_metrics_and_report(run, trained_path, data, tmp_path):
    output, html = tmp_path / "m" / "metrics.json", tmp_path / "m" / "report.html"
    result = run("evaluate", trained_path, data / "notes.json", "--output", output, "--html", html)
    assert result.exit_code == 0, result.stderr
    assert "Exact match" in result.stdout
    assert "100.0" in result.stdout
    assert srsly.read_json(output)["cqa_em"] == 1.0
    page = html.read_text(encoding="utf8")
    assert all(question in page for _, asked in NOTES for question, *_ in asked)


def test_evaluate_json(run, trained_path, data):
    result = run("evaluate", trained_path, data / "notes.spacy", "--json", "--limit", "2")
    assert json.loads(result.stdout)["questions"] == 8


def test_evaluate_bad_input(run, trained_path, tmp_path):
    fails(run("evaluate", trained_path, tmp_path / "none.spacy"), "CQA-E031")
    (tmp_path / "broken.spacy").write_bytes(b"nothing")
    fails(run("evaluate", trained_path, tmp_path / "broken.spacy"), "CQA-E032")
    (tmp_path / "list.json").write_text("[1, 2]", encoding="utf8")
    fails(run("evaluate", trained_path, tmp_path / "list.json"), "CQA-E030")


def test_spacy_s_own_evaluate_says_what_to_use(trained_path, data, tmp_path):
    from spacy.cli.evaluate import evaluate as spacy_evaluate

    with pytest.warns(UserWarning, match="CQA-W001.*spacy cqa evaluate"):
        scores = spacy_evaluate(str(trained_path), data / "notes.spacy", silent=True)
    assert scores["cqa_f1"] is None


# convert


def test_convert_there_and_back(run, data, tmp_path):
    there, back = tmp_path / "notes.spacy", tmp_path / "back.json"
    assert run("convert", data / "notes.json", there).exit_code == 0
    result = run("convert", there, back)
    assert "questions 20" in result.stdout
    assert srsly.read_json(back) == srsly.read_json(data / "notes.json")


def test_convert_splits_and_reports(data, tmp_path):
    report = convert(data / "notes.json", tmp_path / "c", split="60/20/20", seed=1, report_path=tmp_path / "r.json")
    assert report.questions == 20
    nlp = spacy.blank("en")
    sizes = {name: len(list(QACorpus(tmp_path / "c" / f"{name}.spacy")(nlp))) for name in ("train", "dev", "test")}
    assert sizes == {"train": 3, "dev": 1, "test": 1}
    assert srsly.read_json(tmp_path / "r.json")["questions"] == 20


def test_convert_counts_an_offset_outside_the_note(run, tmp_path):
    answer = {"text": "azithromycin", "answer_start": 9999}
    lost = {"text": "aspirin", "answer_start": 9999}
    qas = [
        {"id": "kept", "question": "Drug?", "answers": [answer]},
        {"id": "lost", "question": "Other?", "answers": [lost]},
    ]
    srsly.write_json(tmp_path / "in.json", {"data": [{"paragraphs": [{"context": NOTES[0][0], "qas": qas}]}]})
    result = run("convert", tmp_path / "in.json", tmp_path / "out.spacy")
    assert result.exit_code == 0
    assert "Repaired 1: offset moved to the only occurrence" in result.stdout
    assert "Dropped 1: question that lost all its answers" in result.stdout


@pytest.mark.parametrize(
    ("content", "code"),
    [("{", "E032"), ("[]", "E030"), ('{"data": 3}', "E030"), ('{"data": [{"paragraphs": [{"context": 1}]}]}', "E030")],
)
def test_convert_what_is_not_squad(content, code, run, tmp_path):
    (tmp_path / "in.json").write_text(content, encoding="utf8")
    fails(run("convert", tmp_path / "in.json", tmp_path / "out.spacy"), f"CQA-{code}")
    assert not (tmp_path / "out.spacy").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"in.json"}


def test_convert_bad_options(run, data, tmp_path):
    fails(run("convert", tmp_path / "none.json", tmp_path / "out.spacy"), "CQA-E031")
    fails(run("convert", data / "notes.json", tmp_path / "out.txt"), "CQA-E033")
    fails(run("convert", data / "notes.json", tmp_path / "out", "--split", "70/banana"), "CQA-E034")
    fails(run("convert", data / "notes.json", tmp_path / "out.spacy", "--format", "conll"), "conll", "squad")


# backbone


def test_backbone_from_a_folder(run, encoders, tmp_path):
    from spacy_cqa.models.loaders import file_sha256, load_encoder

    source = encoders("bert")
    checksum = file_sha256(source / "model.safetensors")
    output = tmp_path / "deep" / "backbone"
    result = run("backbone", source, output, "--sha256", checksum)
    assert result.exit_code == 0, result.stderr
    assert load_encoder(str(output)).config.hidden_size == 32
    assert "complete already" in run("backbone", source, output, "--sha256", checksum).stdout


def test_backbone_with_another_checksum_leaves_nothing(run, encoders, tmp_path):
    fails(run("backbone", encoders("bert"), tmp_path / "b", "--sha256", "0" * 64), "CQA-E023", "0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_backbone_never_overwrites_something_else(run, encoders, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf8")
    fails(run("backbone", encoders("bert"), tmp_path), "CQA-E028")
    assert (tmp_path / "thesis.txt").read_text(encoding="utf8") == "years of work"
    (tmp_path / "empty").mkdir()
    assert run("backbone", encoders("bert"), tmp_path / "empty").exit_code == 0


def test_backbone_from_pickled_weights(run, encoders, tmp_path):
    import shutil

    import torch
    from safetensors.torch import load_file

    old = tmp_path / "old"
    shutil.copytree(encoders("bert"), old)
    torch.save(load_file(str(old / "model.safetensors")), old / "pytorch_model.bin")
    (old / "model.safetensors").unlink()
    assert run("backbone", old, tmp_path / "new").exit_code == 0
    assert (tmp_path / "new" / "model.safetensors").exists()
    assert not (tmp_path / "new" / "pytorch_model.bin").exists()


def test_backbone_bad_input(run, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    fails(run("backbone", tmp_path / "empty", tmp_path / "b"), "CQA-E024", "config.json")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    fails(run("backbone", "nobody/no-such-encoder", tmp_path / "b"), "CQA-E025", "nobody/no-such-encoder")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("command", ["ask", "backbone", "convert", "evaluate"])
def test_help_has_an_example(command, run):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Example: python -m spacy cqa" in " ".join(result.stdout.split())
