"""What is kept of a question in the folder of a run."""

import pytest

from spacy_cqa.pipeline.scorer import QuestionResult
from spacy_cqa.training.evaluation import question_row

NOTHING = {"category": "", "also": [], "gold_label": "", "has_gold_label": False, "hit": False, "hit_label": ""}
GOLD = {"category": "Diagnosis", "also": ("Symptoms",), "gold_texts": ["gout"], "gold_spans": [(4, 8)]}


@pytest.mark.parametrize("kind", ["impossible", "single"])
def test_whether_there_is_an_answer_does_not_depend_on_the_kind(kind):
    row = question_row(QuestionResult("n", "q", "What?", kind))
    assert row == {"note": "n", "id": "q", "kind": kind, "has_answer": False, "em": 1.0, "f1": 1.0, **NOTHING}


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("gout flare", 4, {"em": 0.0, "f1": 2 / 3, "hit": True, "hit_label": "Symptoms"}),
        ("pain", 20, {"em": 0.0, "f1": 0.0, "hit": False, "hit_label": ""}),
    ],
)
def test_an_answer_counts_where_it_hits(text, start, expected):
    found = {"texts": [text], "spans": [(start, start + len(text))], "labels": ["Symptoms"]}
    found.update(gold_label="Diagnosis", has_gold_label=True)
    row = question_row(QuestionResult("n", "q", "What?", "single", **GOLD, **found))
    gold = {"category": "Diagnosis", "also": ["Symptoms"], "gold_label": "Diagnosis", "has_gold_label": True}
    assert row == {"note": "n", "id": "q", "kind": "single", "has_answer": True, **gold, **expected}
