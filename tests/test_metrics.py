"""Measures on tables worked by hand, and against the official SQuAD v2 evaluation."""

import random

import pytest
from transformers.data.metrics.squad_metrics import squad_evaluate
from transformers.data.processors.squad import SquadExample

from spacy_cqa.metrics import (
    category_table,
    exact_match,
    macro_f1,
    mean,
    normalize_answer,
    overlaps,
    set_f1,
    settle_label,
    token_f1,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Chest-X-ray,\nan A.", "chestxray"),
        ("20 MG", "20 mg"),
        ("14.2", "142"),
        ("theatre anaemia", "theatre anaemia"),
        ("the", ""),
        (" .,", ""),
        ("Café\u00a0au lait", "café au lait"),
    ],
)
def test_answers_are_normalised_as_squad_does(text, expected):
    assert normalize_answer(text) == expected


@pytest.mark.parametrize(
    ("prediction", "golds", "exact", "f1"),
    [
        ("lisinopril", ["lisinopril"], 1, 1),
        ("The Lisinopril.", ["lisinopril"], 1, 1),
        ("lisinopril 20 mg", ["lisinopril"], 0, 2 * (1 / 3) * 1 / (1 / 3 + 1)),
        ("lisinopril 20 mg", ["lisinopril", "lisinopril 20 mg daily"], 0, 6 / 7),
        ("lisinopril", ["metformin", "lisinopril"], 1, 1),
        ("metformin", ["lisinopril"], 0, 0),
        # repeated words count as often as both have them: 2 shared of 3 and 2
        ("cough cough fever", ["cough cough"], 0, 4 / 5),
        ("cough", ["cough cough"], 0, 2 / 3),
        # unanswerable
        ("", [], 1, 1),
        ("cough", [], 0, 0),
        ("", ["cough"], 0, 0),
        ("", ["the", "."], 1, 1),
        ("", ["the", "cough"], 0, 0),
        ("the", [], 1, 1),
    ],
)
def test_exact_match_and_f1(prediction, golds, exact, f1):
    assert exact_match(prediction, golds) == exact
    assert token_f1(prediction, golds) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("predictions", "golds", "expected"),
    [
        ([], [], 1),
        (["cough"], [], 0),
        ([], ["cough"], 0),
        (["cough", "chills"], ["chills", "cough"], 1),
        (["cough"], ["cough", "chills", "fever"], 2 * 1 / 4),
        (["cough", "pain", "rash"], ["cough", "fever"], 2 * 1 / 5),
        # duplicates, also after normalisation, count once
        (["cough", "Cough", "the cough."], ["cough"], 1),
        (["cough"], ["cough", "a cough", "fever"], 2 * 1 / 3),
        # a part of a gold answer is no hit
        (["dry"], ["dry cough"], 0),
        (["", "cough"], ["cough", "."], 1),
    ],
)
def test_f1_of_a_set_of_answers(predictions, golds, expected):
    assert set_f1(predictions, golds) == pytest.approx(expected)


WORDS = ["the", "a", "Cough", "cough", "fever,", "20", "mg", "mg.", "An", "-", "x-ray", "chills", "\n", "14.2"]


@pytest.mark.parametrize("seed", range(20))
def test_agrees_with_the_official_evaluation(seed):
    rng = random.Random(seed)

    def text(least):
        return " ".join(rng.choices(WORDS, k=rng.randint(least, 4)))

    golds, predictions = {}, {}
    for n in range(40):
        golds[f"q{n}"] = [text(1) for _ in range(rng.choice([0, 1, 1, 2, 3]))]
        copied = golds[f"q{n}"] and rng.random() < 0.4
        predictions[f"q{n}"] = rng.choice(golds[f"q{n}"]).upper() if copied else text(0)
    examples = [
        SquadExample(qid, "", "", None, None, "", [{"text": gold} for gold in found], not found)
        for qid, found in golds.items()
    ]
    official = squad_evaluate(examples, predictions)
    answerable = [qid for qid, found in golds.items() if found]
    rest = [qid for qid, found in golds.items() if not found]
    assert answerable
    assert rest
    for measure, name in ((exact_match, "exact"), (token_f1, "f1")):
        for prefix, ids in (("", list(golds)), ("HasAns_", answerable), ("NoAns_", rest)):
            ours = mean(measure(predictions[qid], golds[qid]) for qid in ids)
            assert 100 * ours == pytest.approx(official[prefix + name])


@pytest.mark.parametrize(
    ("values", "expected"), [([], None), (iter([]), None), ([0.0], 0.0), ([1, 2, 6], 3.0), (iter([0.5, 1.5]), 1.0)]
)
def test_a_mean_of_nothing_is_none(values, expected):
    assert mean(values) == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((0, 5), (4, 9), True),
        ((0, 5), (5, 9), False),
        ((0, 9), (3, 4), True),
        ((3, 4), (0, 9), True),
        ((5, 9), (0, 5), False),
        ((2, 3), (2, 3), True),
    ],
)
def test_spans_overlap_if_they_share_a_character(first, second, expected):
    assert overlaps(first, second) is expected


@pytest.mark.parametrize(
    ("predicted", "category", "also", "expected"),
    [
        ("A", "A", (), "A"),
        ("B", "A", (), "A"),
        ("B", "A", ("B", "C"), "B"),
        ("A", "A", ("B",), "A"),
        ("D", "A", ("B", "C"), "A"),
    ],
)
def test_a_defensible_prediction_is_counted_as_gold(predicted, category, also, expected):
    assert settle_label(predicted, category, also) == expected


def test_category_table_by_hand():
    pairs = [("A", "A"), ("A", "A"), ("A", "B"), ("B", "B"), ("B", "A"), ("B", "C"), ("A", "A")]
    table = category_table(pairs, ["A", "B", "C", "D"])
    assert table["A"] == pytest.approx({"p": 3 / 4, "r": 3 / 4, "f": 3 / 4, "support": 4})
    assert table["B"] == pytest.approx({"p": 1 / 2, "r": 1 / 3, "f": 2 / 5, "support": 3})
    assert table["C"] == {"p": 0.0, "r": None, "f": 0.0, "support": 0}
    assert table["D"] == {"p": None, "r": None, "f": None, "support": 0}
    # D occurs neither in gold nor in prediction; C is predicted wrongly and counts
    assert macro_f1(table) == pytest.approx((3 / 4 + 2 / 5 + 0) / 3)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [([], None), ([("A", "A")], 1.0), ([("A", "B")], 0.0), ([("A", "A"), ("B", "A")], (2 / 3 + 0) / 2)],
)
def test_macro_f1_is_over_the_categories_that_occur(pairs, expected):
    found = macro_f1(category_table(pairs, ["A", "B", "C"]))
    assert found == (None if expected is None else pytest.approx(expected))
