"""`spacy cqa convert` with emrQA: preparation, splits, shards, and outputs that appear whole or not at all."""

import json
from collections import Counter

import pytest
import spacy
import srsly
from spacy.cli._util import app as spacy_app
from typer.testing import CliRunner

import spacy_cqa.cli  # noqa: F401 - puts the group on spaCy's command
from spacy_cqa.cli.convert import convert
from spacy_cqa.training.converters.emrqa_writer import write_emrqa
from spacy_cqa.training.converters.preparation import Preparation
from spacy_cqa.training.converters.squad import read_squad, records_to_squad
from spacy_cqa.training.corpus import QACorpus, read_docs
from spacy_cqa.training.records import GoldAnswer, GoldQuestion, QARecord, doc_to_record

NLP = spacy.blank("en")
CATEGORIES = ["Medication", "Medication", "Diagnosis", "Symptoms"]
N_NOTES, N_QUESTIONS = 10, 120  # ten notes of four questions in three paraphrases


def make_note(number):
    lines = [f"Note {number}.\n", "Takes aspirin daily.\n", "Has gout.\n"]
    answers = [GoldAnswer(text, "".join(lines).index(text)) for text in ("aspirin", "daily", "gout", "gout")]
    questions = [
        GoldQuestion(f"q{n}", f"What {n}?", "single", [answer], category)
        for n, (answer, category) in enumerate(zip(answers, CATEGORIES))
    ]
    return QARecord(f"note-{number}", "".join(lines), questions)


@pytest.fixture
def data(tmp_path):
    """A file in emrQA's form."""
    write_emrqa([make_note(n) for n in range(N_NOTES)], tmp_path / "data.json")
    return tmp_path / "data.json"


@pytest.fixture
def run():
    runner = CliRunner()
    return lambda *arguments: runner.invoke(spacy_app, ["cqa", "convert", *[str(argument) for argument in arguments]])


def read(path):
    return [doc_to_record(doc) for doc in read_docs(path, NLP)]


def questions_of(path):
    return [question for record in read(path) for question in record.questions]


# What is written ------------------------------------------------------------------------------------------------------


def test_spacy_and_json_hold_the_same_notes(run, data, tmp_path):
    result = run(data, tmp_path / "all.spacy", "--format", "emrqa", "--report", tmp_path / "report.json")
    assert result.exit_code == 0, result.stderr
    assert f"Notes 20, questions {N_QUESTIONS}, answers {N_QUESTIONS}" in result.stdout
    assert "inside a token: 0" in result.stdout
    assert srsly.read_json(tmp_path / "report.json")["questions"] == N_QUESTIONS
    result = run(data, tmp_path / "deep" / "all.json", "--format", "emrqa")
    assert result.exit_code == 0
    assert "inside a token" not in result.stdout
    from_spacy, from_json = read(tmp_path / "all.spacy"), list(read_squad(tmp_path / "deep" / "all.json"))
    assert [(r.id, r.text, r.questions) for r in from_spacy] == [(r.id, r.text, r.questions) for r in from_json]
    assert from_spacy[0].id == "medication-note-0"
    assert from_spacy[0].meta["subset"] == from_json[0].meta["paragraph"]["subset"] == "medication"
    convert(tmp_path / "deep" / "all.json", tmp_path / "back.spacy")
    assert [r.meta["paragraph"] for r in read(tmp_path / "back.spacy")] == [r.meta["paragraph"] for r in from_spacy]


@pytest.mark.parametrize("n_notes", [0, 1, 3])
def test_json_written_by_article_is_the_json_of_all(n_notes, tmp_path):
    notes = [make_note(n) for n in range(n_notes)]
    data = records_to_squad(notes)
    text = json.dumps({**data, "licence": "é\u2028"}, indent=1, ensure_ascii=False) + "\n"
    (tmp_path / "in.json").write_text(json.dumps({"version": "v2.0", "licence": "é\u2028", "data": data["data"]}))
    convert(tmp_path / "in.json", tmp_path / "out.json")
    written = (tmp_path / "out.json").read_text("utf8")
    expected = json.loads(text) if n_notes else {"version": "v2.0", "data": []}
    assert json.loads(written) == expected
    assert written == json.dumps(json.loads(written), indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize(("shard", "sizes"), [(50, [48, 48, 24]), (5, [5, 1] * 20), (1000, [120])])
def test_shards_hold_at_most_so_many_questions(shard, sizes, run, data, tmp_path):
    assert run(data, tmp_path / "out", "--format", "emrqa", "--shard", shard).exit_code == 0
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == [f"{n:05d}.spacy" for n in range(1, len(sizes) + 1)]
    assert [len(questions_of(file)) for file in files] == sizes
    ids = [question.id for question in questions_of(tmp_path / "out")]
    convert(data, tmp_path / "whole.spacy", form="emrqa")
    assert ids == [question.id for question in questions_of(tmp_path / "whole.spacy")]
    assert sum(len(example.reference.spans["clinical_qa"]) for example in QACorpus(tmp_path / "out")(NLP)) == 120


def test_a_folder_of_shards_comes_back(run, data, tmp_path):
    convert(data, tmp_path / "whole.json", form="emrqa")
    convert(data, tmp_path / "out", form="emrqa", shard=50)
    result = run(tmp_path / "out", tmp_path / "back.json")
    assert f"Notes 20, questions {N_QUESTIONS}, answers {N_QUESTIONS}" in result.stdout
    assert srsly.read_json(tmp_path / "back.json") == srsly.read_json(tmp_path / "whole.json")


def test_a_folder_without_shards_is_an_error(run, tmp_path):
    result = run(tmp_path, tmp_path / "back.json")
    assert result.exit_code == 1
    assert "CQA-E032" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_split_keeps_copies_of_a_text_together(run, data, tmp_path):
    arguments = ["--format", "emrqa", "--split", "60/20/20", "--seed", 2]
    assert run(data, tmp_path / "c", *arguments).exit_code == 0
    texts = {part: {r.text for r in read(tmp_path / "c" / f"{part}.spacy")} for part in ("train", "dev", "test")}
    assert [len(found) for found in texts.values()] == [6, 2, 2]
    assert len(set().union(*texts.values())) == N_NOTES
    assert len(questions_of(tmp_path / "c" / "dev.spacy")) == 24
    assert run(data, tmp_path / "d", *arguments, "--shard", 7, "--ending", ".spacy").exit_code == 0
    for part, expected in texts.items():
        assert {record.text for record in read(tmp_path / "d" / part)} == expected


# Preparation ----------------------------------------------------------------------------------------------------------


def test_the_usual_preparation_in_one_switch(run, data, tmp_path):
    result = run(data, tmp_path / "c", "--format", "emrqa", "--usual", "--sample", "medication=0.5")
    assert result.exit_code == 0, result.stderr
    test = questions_of(tmp_path / "c" / "test.spacy")
    assert len(test) == 24  # two of ten notes, unsampled
    assert {answer.text for q in test for answer in q.answers} == {"Takes aspirin daily.", "Has gout."}
    train = questions_of(tmp_path / "c" / "train.spacy")
    subsets = Counter(question.id.split("-")[0] for question in train)
    assert 11 <= subsets["medication"] <= 31  # about half of 42
    assert subsets["relations"] <= 8  # about a twentieth of 42
    assert "not sampled" in result.stdout


@pytest.mark.parametrize(
    ("options", "n_questions"),
    [
        (["--subset", "medication"], 60),
        (["--subset", "medication", "--subset", "relations"], 120),
        (["--evidence", "--max-words", 2], 60),
        (["--evidence", "--max-words", 1], 0),
        (["--max-words", 1], 120),
        (["--drop-complex"], 120),
        (["--paraphrases", 1], 40),
    ],
)
def test_each_option_of_the_preparation(options, n_questions, run, data, tmp_path):
    result = run(data, tmp_path / "out.spacy", "--format", "emrqa", *options)
    assert result.exit_code == 0, result.stderr
    assert f"questions {n_questions}," in result.stdout
    assert len(questions_of(tmp_path / "out.spacy")) == n_questions


def test_complex_answers_are_dropped_on_request(run, tmp_path):
    drugs = GoldQuestion("q", "Drugs?", "list", [GoldAnswer("a", 0), GoldAnswer("b", 2)], "Medication")
    write_emrqa([QARecord("n", "a b", [drugs])], tmp_path / "data.json")
    assert "questions 3," in run(tmp_path / "data.json", tmp_path / "a.spacy", "--format", "emrqa").stdout
    result = run(tmp_path / "data.json", tmp_path / "b.spacy", "--format", "emrqa", "--drop-complex")
    assert "questions 0," in result.stdout
    assert "Dropped 3: preparation: complex answer" in result.stdout


@pytest.mark.parametrize(
    ("option", "key"), [("--hold-out-templates", "template"), ("--hold-out-paraphrases", "question_template")]
)
def test_held_out_templates_are_not_in_train(option, key, run, data, tmp_path):
    assert run(data, tmp_path / "c", "--format", "emrqa", "--split", "60/20/20", option, 0.4).exit_code == 0
    train, dev, test = (
        {question.extra[key] for question in questions_of(tmp_path / "c" / f"{part}.spacy")}
        for part in ("train", "dev", "test")
    )
    assert train
    assert dev == test
    assert dev
    assert not train & dev


# Nothing half written -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "options"),
    [
        ("out.spacy", []),
        ("out.json", []),
        ("a/b/out.json", []),
        ("out", ["--shard", 10]),
        ("out", ["--split", "80/20"]),
        ("out", ["--split", "80/20", "--shard", 10]),
        ("out.json", ["--to", "emrqa"]),
    ],
)
def test_nothing_appears_on_an_error(output, options, run, data, tmp_path):
    data.write_bytes(data.read_bytes()[:-60])
    result = run(data, tmp_path / output, "--format", "emrqa", *options)
    assert result.exit_code == 1
    assert "CQA-E041" in result.stderr
    assert result.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["data.json"]


def test_an_error_leaves_an_earlier_output_as_it_is(run, data, tmp_path):
    arguments = [data, tmp_path / "c", "--format", "emrqa", "--split", "80/20", "--shard", 10]
    assert run(*arguments).exit_code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "c").rglob("*.spacy")}
    data.write_bytes(data.read_bytes()[:-60])
    assert run(*arguments).exit_code == 1
    assert {path: path.read_bytes() for path in (tmp_path / "c").rglob("*.spacy")} == before


def test_a_later_output_replaces_the_shards_and_leaves_the_rest(run, data, tmp_path):
    arguments = [data, tmp_path / "c", "--format", "emrqa", "--split", "80/20", "--shard"]
    assert run(*arguments, 5).exit_code == 0
    (tmp_path / "c" / "notes.txt").write_text("mine")
    assert run(*arguments, 1000).exit_code == 0
    names = sorted(str(path.relative_to(tmp_path / "c")) for path in (tmp_path / "c").rglob("*.*"))
    assert names == ["dev/00001.spacy", "notes.txt", "train/00001.spacy"]
    assert {path.name for path in tmp_path.iterdir()} == {"data.json", "c"}


def test_something_else_is_never_replaced(run, data, tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("mine")
    (tmp_path / "out.spacy").mkdir()
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "train.spacy").write_text("mine")
    for output, options in (
        ("corpus", ["--shard", 5]),
        ("file", ["--shard", 5]),
        ("file", ["--split", "80/20"]),
        ("folder", ["--shard", 5]),
        ("out.spacy", []),
    ):
        result = run(data, tmp_path / output, "--format", "emrqa", *options)
        assert result.exit_code == 1
        assert "CQA-E044" in result.stderr
    assert (tmp_path / "file").read_text() == (tmp_path / "folder" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "report", "names"),
    [
        (["--shard", 100], "report.json", ["00001.spacy", "00002.spacy", "report.json"]),
        (["--split", "80/20"], "report.json", ["dev.spacy", "report.json", "train.spacy"]),
        (["--split", "80/20"], "a/report.json", ["a/report.json", "dev.spacy", "train.spacy"]),
        (
            ["--split", "80/20", "--shard", 100],
            "../c/train/report.json",
            ["dev/00001.spacy", "train/00001.spacy", "train/report.json"],
        ),
    ],
)
def test_a_report_inside_the_output_is_replaced_with_it(options, report, names, run, data, tmp_path):
    root = tmp_path / "c"
    for _ in range(2):
        result = run(data, root, "--format", "emrqa", *options, "--report", root / report)
        assert result.exit_code == 0, result.stderr
        assert sorted(str(path.relative_to(root)) for path in root.rglob("*.*")) == names
        assert srsly.read_json(root / report)["questions"] == N_QUESTIONS
    assert {path.name for path in tmp_path.iterdir()} == {"data.json", "c"}


def test_another_file_among_the_shards_is_not_the_report(run, data, tmp_path):
    arguments = [data, tmp_path / "c", "--format", "emrqa", "--shard", 100, "--report"]
    assert run(*arguments, tmp_path / "c" / "report.json").exit_code == 0
    result = run(*arguments, tmp_path / "c" / "other.json")
    assert result.exit_code == 1
    assert "CQA-E044" in result.stderr


def test_nothing_appears_where_the_report_cannot_be_written(run, data, tmp_path):
    (tmp_path / "file").write_text("mine")
    for output, options in (("out.spacy", []), ("out.json", ["--to", "emrqa"]), ("c", ["--split", "80/20"])):
        result = run(data, tmp_path / output, "--format", "emrqa", *options, "--report", tmp_path / "file" / "r.json")
        assert result.exit_code == 1
        assert str(tmp_path / "file") in result.stderr
        assert {path.name for path in tmp_path.iterdir()} == {"data.json", "file"}


@pytest.mark.parametrize(
    ("output", "options", "report"),
    [
        ("out.spacy", [], "out.spacy"),
        ("out.spacy", [], "out.spacy/report.json"),
        ("c", ["--split", "80/20"], "c"),
        ("c", ["--split", "80/20"], "c/train.spacy"),
        ("c", ["--shard", 10], "c"),
        ("c", ["--shard", 10], "c/00001.spacy"),
        ("c", ["--shard", 10], "c/deeper/report.json"),
        ("out.spacy", [], "."),
    ],
)
def test_a_report_takes_no_other_place(output, options, report, run, data, tmp_path):
    result = run(data, tmp_path / output, "--format", "emrqa", *options, "--report", tmp_path / report)
    assert result.exit_code == 1
    assert f"--report is {tmp_path / report}" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data.json"]


# Options --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--usual"], "--format emrqa"),
        (["--subset", "risk"], "--format emrqa"),
        (["--format", "emrqa", "--subset", "risk"], "CQA-E043"),
        (["--format", "emrqa", "--sample", "medication"], "medication=0.2"),
        (["--format", "emrqa", "--sample", "medication=2"], "CQA-E042"),
        (["--format", "emrqa", "--max-words", "-1"], "CQA-E042"),
        (["--format", "emrqa", "--hold-out-templates", "0.2"], "--split"),
        (["--format", "emrqa", "--to", "csv"], "csv"),
        (["--to", "emrqa"], "CQA-E033"),
        (["--to", "emrqa", "--shard", "5"], "--to emrqa"),
        (["--to", "emrqa", "--split", "80/20"], "--to emrqa"),
        (["--noise", "0.5"], "--to emrqa"),
        (["--repeat", "2"], "--to emrqa"),
        (["--shard", "5", "--ending", ".json", "--split", "80/20"], "--ending"),
        (["--ending", ".json"], "--split"),
        (["--lang", "zz"], "E048"),
    ],
)
def test_options_that_do_not_go_together(options, words, run, data, tmp_path):
    result = run(data, tmp_path / "out.spacy", *options)
    assert result.exit_code == 1
    assert words in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data.json"]


def test_shards_are_no_json(run, data, tmp_path):
    result = run(data, tmp_path / "out.json", "--format", "emrqa", "--shard", 5)
    assert result.exit_code == 1
    assert "--shard writes a folder of .spacy files" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data.json"]


def test_the_ending_of_emrqa_s_form(run, data, tmp_path):
    result = run(data, tmp_path / "out.spacy", "--format", "emrqa", "--to", "emrqa")
    assert "Use .json." in result.stderr


def test_one_template_alone_cannot_be_held_out(run, tmp_path):
    gout = GoldQuestion("q", "Why?", "single", [GoldAnswer("gout", 0)], "Diagnosis")
    write_emrqa([QARecord(str(n), f"gout {n}", [gout]) for n in range(5)], tmp_path / "data.json")
    options = ["--format", "emrqa", "--split", "60/20/20", "--hold-out-templates", 0.5]
    result = run(tmp_path / "data.json", tmp_path / "c", *options)
    assert result.exit_code == 1
    assert "CQA-E042" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data.json"]


def test_a_file_in_emrqa_s_form_is_made_from_squad(run, tmp_path):
    (tmp_path / "in.json").write_text(json.dumps(records_to_squad([make_note(0)])))
    options = ["--to", "emrqa", "--noise", 0.5, "--repeat", 3]
    assert run(tmp_path / "in.json", tmp_path / "out.json", *options).exit_code == 0
    first = (tmp_path / "out.json").read_bytes()
    report = convert(tmp_path / "out.json", tmp_path / "back.spacy", form="emrqa")
    assert (report.notes, report.questions) == (2, 36)
    assert report.repaired
    assert run(tmp_path / "in.json", tmp_path / "out.json", *options, "--seed", 1).exit_code == 0
    assert (tmp_path / "out.json").read_bytes() != first
    assert run(tmp_path / "in.json", tmp_path / "out.json", *options).exit_code == 0
    assert (tmp_path / "out.json").read_bytes() == first


def test_a_preparation_from_python(data, tmp_path):
    settings = Preparation(subsets=("relations",), paraphrases=2, seed=3)
    report = convert(data, tmp_path / "out.spacy", form="emrqa", preparation=settings)
    assert report.questions == 40
    assert report.dropped == {"preparation: further paraphrase": 20}
