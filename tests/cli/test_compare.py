"""`spacy cqa compare` on toy run folders whose numbers are worked by hand."""

import json
import sys
from itertools import product
from math import sqrt

import pytest
from spacy.cli._util import app as spacy_app
from typer.testing import CliRunner

import spacy_cqa.cli  # noqa: F401 - puts the group on spaCy's command
from spacy_cqa.export.tables import compare_runs, tables_markdown
from spacy_cqa.metrics import category_table, macro_f1, mean
from spacy_cqa.training.runs import read_runs
from spacy_cqa.types import CATEGORIES

from .test_commands import fails

# note, id, kind, category, also
QUESTIONS = [
    ("a", "q1", "single", "Diagnosis", []),
    ("a", "q2", "single", "Medication", ["Symptoms"]),
    ("b", "q1", "list", "Symptoms", []),
    ("b", "q2", "impossible", "", []),
    ("c", "q1", "single", "Medication", []),
]
D, M, S = "Diagnosis", "Medication", "Symptoms"
ROW = ("p", "r", "f", "support")
UNUSED = dict.fromkeys(("Procedure", "Lab Reports"), (None, None, None, 0))

# By folder: EM, F1 and predicted category of the five questions, and the scores of the heads that were trained.
RUNS = {
    "span-0": {
        "em": [1, 0, 0, 1, 0],
        "f1": [1, 0.5, 0, 1, 0],
        "labels": [M, M, M, "", M],
        "scores": {"em": 0.4, "f1": 0.5, "hasans_em": 0.25, "hasans_f1": 0.375, "noans_acc": 1.0},
    },
    "span-1": {
        "em": [0, 0, 0, 0, 1],
        "f1": [0.5, 0.5, 0, 0, 1],
        "labels": ["", "", "", "", ""],
        "scores": {"em": 0.2, "f1": 0.4, "hasans_em": 0.25, "hasans_f1": 0.5, "noans_acc": 0.0},
    },
    "category-0": {
        "em": [0, 0, 0, 1, 0],
        "f1": [0, 0, 0, 1, 0],
        "labels": [D, D, S, "", D],
        "scores": {"cat_acc_gold": 0.5, "cat_macro_f1": 0.5},
        "table": {D: (1 / 3, 1.0, 0.5, 1), M: (None, 0.0, 0.0, 2), S: (1.0, 1.0, 1.0, 1)},
    },
    "category-1": {
        "em": [0, 0, 0, 0, 0],
        "f1": [0, 0, 0, 0, 0],
        "labels": [D, M, D, "", D],
        "scores": {"cat_acc_gold": 0.5, "cat_macro_f1": 7 / 18},
        "table": {D: (1 / 3, 1.0, 0.5, 1), M: (1.0, 0.5, 2 / 3, 2), S: (None, 0.0, 0.0, 1)},
    },
    "multi-0": {
        "em": [1, 1, 0, 1, 0],
        "f1": [1, 1, 0.5, 1, 0],
        "labels": [D, S, M, "", M],  # the second is defensible
        "scores": {
            **{"em": 0.6, "f1": 0.7, "hasans_em": 0.5, "hasans_f1": 0.625, "noans_acc": 1.0},
            **{"cat_acc_gold": 0.75, "cat_acc_hit": 2 / 3, "cat_hit_coverage": 0.75, "cat_macro_f1": 7 / 9},
        },
        "table": {D: (1.0, 1.0, 1.0, 1), M: (0.5, 1.0, 2 / 3, 1), S: (1.0, 0.5, 2 / 3, 2)},
    },
    "multi-1": {
        "em": [1, 0, 0, 1, 1],
        "f1": [1, 0.5, 0.5, 1, 1],
        "labels": [D, M, S, "", M],
        "scores": {
            **{"em": 0.6, "f1": 0.8, "hasans_em": 0.5, "hasans_f1": 0.75, "noans_acc": 1.0},
            **{"cat_acc_gold": 1.0, "cat_acc_hit": 1.0, "cat_hit_coverage": 1.0, "cat_macro_f1": 1.0},
        },
        "table": {D: (1.0, 1.0, 1.0, 1), M: (1.0, 1.0, 1.0, 2), S: (1.0, 1.0, 1.0, 1)},
    },
}
VARIANTS = {"span": "span-only", "category": "category-only", "multi": "multitask-soft"}
CURVES = {
    "span-0": [(10, 0.1, 0.2)],
    "multi-0": [(10, 0.2, 0.5), (20, 0.4, 0.7)],
    "multi-1": [(10, 0.4, 0.6), (20, 0.5, None), (30, 0.6, 0.8)],
}


def results(name):
    run = RUNS[name]
    rows = zip(QUESTIONS, run["em"], run["f1"], run["labels"])
    questions = [
        {
            **dict(zip(("note", "id", "kind", "category", "also"), question)),
            **{"has_answer": question[2] != "impossible", "em": em, "f1": f1, "gold_label": label},
            **{"hit": bool(f1 and label), "hit_label": label if f1 else ""},
        }
        for question, em, f1, label in rows
    ]
    table = {category: dict(zip(ROW, row)) for category, row in {**run.get("table", {}), **UNUSED}.items()}
    # A head that was not trained has scores as well. They must not count.
    scores = {f"cqa_{key}": value for key, value in {"cat_acc_hit": 0.1, "cat_acc_gold": 0.1, **run["scores"]}.items()}
    return {"scores": {**scores, "cqa_per_category": table, "notes": 3, "questions": 5}, "questions": questions}


def write_run(folder, name, *, split="test", **about):
    folder.mkdir(parents=True)
    kind, seed = name.split("-")
    meta = {"encoder": "tiny", "variant": VARIANTS[kind], "seed": int(seed), "steps": 30, **about}
    (folder / "run.json").write_text(json.dumps(meta), encoding="utf8")
    (folder / f"{split}.json").write_text(json.dumps(results(name)), encoding="utf8")
    points = [dict(zip(("step", "cqa_f1", "cqa_cat_acc_gold"), point)) for point in CURVES.get(name, [])]
    lines = [json.dumps({**point, "loss": 1.0}) for point in points]
    (folder / "curve.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf8")


@pytest.fixture
def runs(tmp_path):
    """A folder with the six run folders."""
    for name in RUNS:
        write_run(tmp_path / "runs" / name, name)
    return tmp_path / "runs"


@pytest.fixture
def compare(tmp_path):
    """Calls the command; the output goes to the folder `out`."""

    def call(*arguments):
        command = ["cqa", "compare", *map(str, arguments), "--output", str(tmp_path / "out")]
        return CliRunner().invoke(spacy_app, command)

    return call


def tables(*paths, split="test"):
    """The data of tables.json, without the pictures."""
    return compare_runs(read_runs(paths, split=split).runs, split=split)


def lines(*paths):
    return tables_markdown(tables(*paths)).splitlines()


def change(path, edit):
    data = json.loads(path.read_text(encoding="utf8"))
    edit(data)
    path.write_text(json.dumps(data), encoding="utf8")


# Numbers


def test_results_by_hand(runs):
    data = tables(runs)
    assert (data["split"], data["notes"], data["questions"]) == ("test", 3, 5)
    assert data["missing_seeds"] == []
    span, category, multi = data["results"]
    assert [row["variant"] for row in data["results"]] == list(VARIANTS.values())
    assert all((row["encoder"], row["seeds"]) == ("tiny", [0, 1]) for row in data["results"])
    expected = {
        "cqa_em": (0.3, 0.2 / sqrt(2)),
        "cqa_f1": (0.45, 0.1 / sqrt(2)),
        "cqa_hasans_f1": (0.4375, 0.125 / sqrt(2)),
        "cqa_noans_acc": (0.5, 1 / sqrt(2)),
    }
    for name, (average, deviation) in expected.items():
        assert span[name] == pytest.approx({"mean": average, "sd": deviation})
        assert category[name] is None
    assert multi["cqa_em"] == pytest.approx({"mean": 0.6, "sd": 0})
    assert multi["cqa_cat_acc_hit"] == pytest.approx({"mean": 5 / 6, "sd": 1 / 3 / sqrt(2)})
    assert category["cqa_cat_macro_f1"] == pytest.approx({"mean": 4 / 9, "sd": 1 / 9 / sqrt(2)})
    assert category["cqa_cat_acc_gold"] == {"mean": 0.5, "sd": 0}
    assert category["cqa_cat_acc_hit"] is span["cqa_cat_acc_hit"] is span["cqa_cat_acc_gold"] is None


def test_differences_by_hand(runs):
    """Three notes have so few resamples that the bounds at 95 % are the least and the greatest of them."""
    (row,) = tables(runs)["differences"]
    assert (row["encoder"], row["variant"]) == ("tiny", "multitask-soft")
    # By note a, b, c: EM 1.0 more in 2 questions, 0.5 in 2, 0 in 1
    assert row["cqa_em"] == pytest.approx({"difference": 0.3, "low": 0.0, "high": 0.5})
    # F1 0.5 in 2, 1.0 in 2, 0 in 1
    assert row["cqa_f1"] == pytest.approx({"difference": 0.3, "low": 0.0, "high": 0.5})
    # right categories 0.5 in 2, 0 in 1, 1 in 1
    assert row["cqa_cat_acc_gold"] == pytest.approx({"difference": 3 / 8, "low": 0.0, "high": 1.0})
    every = [macro_difference(notes) for notes in product("abc", repeat=3)]
    expected = {"difference": 8 / 9 - 4 / 9, "low": min(every), "high": max(every)}
    assert row["cqa_cat_macro_f1"] == pytest.approx(expected)


def macro_difference(notes):
    """Macro F1 of both variants on some notes, which may repeat, each as the mean over its seeds."""
    scores = {}
    for name in ("multi-0", "multi-1", "category-0", "category-1"):
        pairs = [
            (label if label in also else category, label)
            for drawn in notes
            for (note, _, _, category, also), label in zip(QUESTIONS, RUNS[name]["labels"])
            if note == drawn and category
        ]
        scores[name] = macro_f1(category_table(pairs, CATEGORIES))
    return mean([scores["multi-0"], scores["multi-1"]]) - mean([scores["category-0"], scores["category-1"]])


def test_categories_by_hand(runs):
    data = tables(runs)
    found = {(row["variant"], row["category"]): [row[name] for name in ROW] for row in data["categories"]}
    assert len(found) == 2 * len(CATEGORIES)
    # Precision counts in the seeds that predicted the category at all.
    assert found["category-only", M] == pytest.approx([1.0, 1 / 4, 1 / 3, 2])
    assert found["category-only", S] == pytest.approx([1.0, 1 / 2, 1 / 2, 1])
    assert found["multitask-soft", M] == pytest.approx([3 / 4, 1.0, 5 / 6, 1.5])
    assert found["multitask-soft", "Procedure"] == [None, None, None, 0]
    category, multi = data["confusion"]
    assert (category["variant"], multi["variant"]) == ("category-only", "multitask-soft")
    assert category["counts"] == [[2, 0, 0, 0, 0], [3, 1, 0, 0, 0], [1, 0, 1, 0, 0], [0] * 5, [0] * 5]
    assert multi["counts"] == [[2, 0, 0, 0, 0], [0, 3, 0, 0, 0], [0, 1, 2, 0, 0], [0] * 5, [0] * 5]


def test_curves_by_hand(runs):
    found = {(row["variant"], row["measure"]): row["points"] for row in tables(runs)["curves"]}
    assert set(found) == {("span-only", "cqa_f1"), ("multitask-soft", "cqa_f1"), ("multitask-soft", "cqa_cat_acc_gold")}
    first, second = found["multitask-soft", "cqa_f1"]
    assert first == pytest.approx({"step": 10, "mean": 0.3, "low": 0.2, "high": 0.4})
    assert second == pytest.approx({"step": 20, "mean": 0.45, "low": 0.4, "high": 0.5})
    # One seed was not measured at step 20, the other not at step 30.
    assert [point["step"] for point in found["multitask-soft", "cqa_cat_acc_gold"]] == [10]


# Output


def test_writes_tables_and_pictures(compare, runs, tmp_path):
    result = compare(runs)
    out = tmp_path / "out"
    pictures = {f"{name}{ending}" for name in ("category-f1", "confusion", "curves") for ending in (".png", ".svg")}
    assert {path.name for path in out.iterdir()} == {"tables.md", "tables.json", *pictures}
    assert result.stdout == (out / "tables.md").read_text(encoding="utf8")
    for line in (
        "**Table 1.** Results in %, mean ± standard deviation over seeds "
        "(test split, 3 notes, 5 questions; seeds per variant: 2).",
        "| tiny | span-only | 2 | 30.0 ± 14.1 | 45.0 ± 7.1 | 43.8 ± 8.8 | 50.0 ± 70.7 | - | - | - |",
        "| tiny | category-only | 2 | - | - | - | - | 50.0 ± 0.0 | - | 44.4 ± 7.9 |",
        "| tiny | multitask-soft | +30.0 [+0.0, +50.0] | +30.0 [+0.0, +50.0] | +37.5 [+0.0, +100.0] "
        "| +44.4 [+0.0, +100.0] |",
        "| tiny | multitask-soft | Medication | 75.0 | 100.0 | 83.3 | 1.5 |",
        "| tiny | category-only | Procedure | - | - | - | 0 |",
    ):
        assert line in result.stdout.splitlines()
    assert "in brackets 95 % intervals of 10,000 bootstrap resamples of notes" in result.stdout
    assert "Missing seeds" not in result.stdout


def test_json_is_the_file(compare, runs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = compare(runs, "--json")
    assert result.stdout == (tmp_path / "out" / "tables.json").read_text(encoding="utf8")
    assert json.loads(result.stdout) == tables(runs)


def test_without_matplotlib_there_are_tables(compare, runs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = compare(runs)
    assert result.exit_code == 0
    assert "spacy-cqa[plot]" in result.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"tables.md", "tables.json"}


# What is compared


@pytest.mark.parametrize("missing", ["run.json", "test.json"])
def test_missing_seeds_and_unfinished_runs_are_named(missing, compare, runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    (runs / "span-1" / missing).unlink()
    result = compare(runs)
    assert result.exit_code == 0
    assert f"not finished: {runs / 'span-1'}" in result.stderr
    assert "Missing seeds: tiny, span-only: 1." in result.stdout.splitlines()
    assert "seeds per variant: 1 to 2" in result.stdout
    # one seed has no deviation
    assert "| tiny | span-only | 1 | 40.0 | 50.0 | 37.5 | 100.0 | - | - | - |" in result.stdout.splitlines()


def test_learning_rates_that_were_not_chosen_are_counted(compare, runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    expected = tables(runs)
    for rate in ("0.0001", "0.0003"):
        write_run(runs / f"span-0-rate-{rate}", "span-0", chosen=False)
    change(runs / "span-0" / "run.json", lambda about: about.update(chosen=True))
    result = compare(runs, "--json")
    assert json.loads(result.stdout) == expected
    assert "not chosen: 2\n" in result.stderr
    fails(compare(runs / "span-0-rate-0.0001"), "CQA-E045", "none of 1 is finished", "and chosen")


def test_whether_there_is_an_answer_is_not_guessed_from_the_kind(runs):
    """Notes from elsewhere may have no kinds; the fourth question is then a single one without an answer."""
    expected = tables(runs)
    for folder in runs.iterdir():
        change(folder / "test.json", edit_question(3, kind="single"))
    assert tables(runs) == expected


def test_run_folders_without_has_answer_are_read_by_kind(runs):
    expected = tables(runs)
    change(runs / "multi-0" / "test.json", lambda data: [q.pop("has_answer") for q in data["questions"]])
    assert tables(runs) == expected


def test_run_folders_and_folders_of_them(runs):
    (runs / "notes").mkdir()
    expected = tables(runs)
    (runs / "tiny" / "multitask-soft").mkdir(parents=True)
    (runs / "multi-0").rename(runs / "tiny" / "multitask-soft" / "seed-0")
    assert tables(runs) == expected
    (runs / "tiny" / "multitask-soft" / "seed-0").rename(runs / "multi-0")
    assert tables(*sorted(runs.glob("*-*"))) == expected
    assert tables(runs, runs / "multi-0", runs.parent / "runs" / ".." / "runs") == expected


def test_split(tmp_path):
    write_run(tmp_path / "runs" / "span-0", "span-0", split="dev")
    data = tables(tmp_path / "runs", split="dev")
    assert data["split"] == "dev"
    assert data["results"][0]["cqa_em"] == {"mean": pytest.approx(0.4), "sd": None}
    assert data["differences"] == data["categories"] == data["confusion"] == []


def test_variants_in_order_and_baselines_of_the_same_encoder(tmp_path):
    root = tmp_path / "runs"
    write_run(root / "1", "multi-0", variant="my-own")
    write_run(root / "2", "multi-1", variant="multitask-ontology")
    write_run(root / "3", "span-0")
    write_run(root / "4", "multi-0", encoder="other|one")
    data = tables(root)
    found = [(row["encoder"], row["variant"]) for row in data["results"]]
    own = [("tiny", "span-only"), ("tiny", "multitask-ontology"), ("tiny", "my-own")]
    assert found == [*own, ("other|one", "multitask-soft")]
    differences = {(row["encoder"], row["variant"]): row for row in data["differences"]}
    assert differences["tiny", "my-own"]["cqa_em"]["difference"] == pytest.approx(0.6 - 0.4)
    assert differences["tiny", "my-own"]["cqa_cat_acc_gold"] is None
    assert differences["other|one", "multitask-soft"]["cqa_em"] is None
    assert r"| other\|one | multitask-soft | - | - | - | - |" in lines(root)


def move_to_one_note(data):
    for number, question in enumerate(data["questions"]):
        question.update(note="a", id=f"q{number}")


def test_a_single_note_has_no_interval(runs):
    for folder in runs.iterdir():
        change(folder / "test.json", move_to_one_note)
        change(
            folder / "test.json",
            lambda data: [question.update(id=n) for n, question in zip("12345", data["questions"])],
        )
    row = tables(runs)["differences"][0]
    assert row["cqa_em"] == {"difference": pytest.approx(0.3), "low": None, "high": None}
    assert "| tiny | multitask-soft | +30.0 | +30.0 | +37.5 | +44.4 |" in lines(runs)


def test_an_answer_of_punctuation_is_an_answer_to_accuracy_alone(runs):
    change(runs / "multi-0" / "test.json", lambda data: data["scores"].update(cqa_noans_acc=0.0))
    assert tables(runs)["results"][2]["cqa_noans_acc"]["mean"] == 0.5


# Bad input


def edit_scores(**scores):
    return lambda data: data["scores"].update(scores)


def edit_question(number, **fields):
    return lambda data: data["questions"][number].update(fields)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda data: data.pop("questions"), ("CQA-E032", "'questions'")),
        (lambda data: data["questions"].clear(), ("CQA-E032", "no questions")),
        (lambda data: data["questions"][1].pop("f1"), ("CQA-E032", "questions[1]", "'f1'")),
        (edit_question(1, gold_label="Drugs"), ("CQA-E032", "questions[1]", "'Drugs'")),
        (edit_question(0, also=[7]), ("CQA-E032", "questions[0]", "7")),
        (edit_question(1, has_answer="yes"), ("CQA-E032", "questions[1]", "'has_answer'")),
        (edit_question(0, has_answer=False), ("CQA-E046", "cqa_hasans_em")),
        (edit_question(0, kind="double"), ("CQA-E032", "questions[0]", "'double'")),
        (edit_question(1, id="q1"), ("CQA-E032", "a/q1 2 times")),
        (edit_question(0, em=0.5), ("CQA-E046", "cqa_em")),
        (edit_question(0, f1=float("nan")), ("CQA-E046", "cqa_f1")),
        (edit_scores(cqa_em=0.600002), ("CQA-E046", "cqa_em is 0.600002")),
        (edit_scores(cqa_noans_acc=1.1), ("CQA-E046", "cqa_noans_acc")),
        (edit_scores(cqa_cat_acc_hit=None), ("CQA-E046", "cqa_cat_acc_hit is None")),
        (edit_scores(cqa_cat_hit_coverage="much"), ("CQA-E046", "cqa_cat_hit_coverage")),
        (edit_scores(cqa_per_category=None), ("CQA-E046", "cqa_per_category")),
        (lambda data: data["scores"]["cqa_per_category"][S].update(r=0.4), ("CQA-E046", "cqa_per_category.Symptoms.r")),
        (lambda data: data["scores"].pop("cqa_cat_macro_f1"), ("CQA-E046", "cqa_cat_macro_f1")),
    ],
)
def test_unusable_results(edit, words, compare, runs, tmp_path):
    path = runs / "multi-0" / "test.json"
    change(path, edit)
    fails(compare(runs), str(path), *words)
    assert not (tmp_path / "out").exists()


def test_a_rounded_score_is_no_contradiction(runs):
    change(runs / "multi-0" / "test.json", edit_scores(cqa_cat_acc_hit=0.6666667))
    assert tables(runs)["results"][2]["cqa_cat_acc_hit"]["mean"] == pytest.approx(5 / 6)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("test.json", '{"scores": {"cqa_em": 0.', ("CQA-E032", "JSON")),
        ("test.json", "[]", ("CQA-E032", "no object")),
        ("run.json", '{"encoder": "tiny", "variant": "span-only"}', ("CQA-E032", "'seed'")),
        ("run.json", '{"encoder": "a", "variant": "b", "seed": 1, "chosen": "yes"}', ("CQA-E032", "'chosen'")),
        ("curve.jsonl", '{"step": 10}\n{"step": 2', ("CQA-E032", "JSON")),
        ("curve.jsonl", '{"step": 10}\n{"steps": 20}', ("CQA-E032", "entry 2", "'step'")),
        ("curve.jsonl", '{"step": 10, "cqa_f1": "high"}', ("CQA-E032", "entry 1", "no number")),
    ],
)
def test_unusable_files(name, text, words, compare, runs):
    (runs / "multi-1" / name).write_text(text, encoding="utf8")
    fails(compare(runs), str(runs / "multi-1" / name), *words)


def test_folders_without_runs(compare, runs, tmp_path):
    fails(compare(tmp_path / "nowhere"), "CQA-E031", "nowhere")
    (tmp_path / "empty").mkdir()
    fails(compare(tmp_path / "empty"), "CQA-E045", "empty", "run.json")
    fails(compare(runs, "--split", "train"), "'train'", "test, dev")
    fails(compare(runs, "--split", "dev"), "CQA-E045", "none of 6 is finished", "run.json and dev.json")
    (runs / "span-0" / "run.json").unlink()
    fails(compare(runs / "span-0"), "CQA-E045", str(runs / "span-0"), "no run.json")
    fails(compare(runs / "multi-0" / "run.json"), "CQA-E045", "no run.json")


@pytest.mark.parametrize(
    "edit", [edit_question(3, id="q9"), edit_question(3, note="c"), edit_question(0, also=["Procedure"])]
)
def test_the_run_with_other_questions_is_named(edit, compare, runs):
    """Also where it comes first."""
    change(runs / "category-0" / "test.json", edit)
    result = compare(runs)
    fails(result, "CQA-E047", f"The run {runs / 'category-0'} cannot")


def test_two_runs_of_one_seed(compare, runs):
    write_run(runs / "copy", "span-0", seed=1)
    fails(compare(runs), "CQA-E047", str(runs / "copy"), str(runs / "span-1"), "seed 1")


def test_help_has_an_example(compare):
    assert "Example: python -m spacy cqa compare" in " ".join(compare("--help").stdout.split())
