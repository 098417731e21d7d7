"""Weak labels on data: which labels stay, which are set or narrowed down, and agreement with labels given by hand."""

import pytest

from spacy_cqa.ontology.kb import KnowledgeBase
from spacy_cqa.ontology.labels import WeakLabel, WeakLabeller
from spacy_cqa.training.labelling import (
    LabelReport,
    agreement,
    label_records,
    question_labels,
    replace_sources,
)
from spacy_cqa.training.records import GoldAnswer, GoldQuestion, QARecord

from ..ontology.conftest import make_kb

TEXT = "HTN, metformin 1000 mg by mouth, cough, cold. WBC 14.2. BP 120/80. Left arm."
DIAGNOSIS = [1.0, 0.0, 0.0, 0.0, 0.0]
MEDICATION = [0.0, 1.0, 0.0, 0.0, 0.0]
SYMPTOMS = [0.0, 0.0, 1.0, 0.0, 0.0]
LAB = [0.0, 0.0, 0.0, 0.0, 1.0]
EITHER = [0.5, 0.0, 0.5, 0.0, 0.0]


@pytest.fixture(scope="module")
def labeller(tmp_path_factory):
    return WeakLabeller(KnowledgeBase(make_kb(tmp_path_factory.mktemp("kb") / "small")))


def ask(*answers, qid="q", **more):
    """A question with answers by their texts, which stand once in the note."""
    kind = more.pop("kind", "single" if answers else "impossible")
    return GoldQuestion(qid, "What?", kind, [GoldAnswer(text, TEXT.index(text)) for text in answers], **more)


def relabel(question, labeller, **options):
    report = LabelReport()
    (record,) = label_records([QARecord("n", TEXT, [question])], labeller, report=report, **options)
    (found,) = record.questions
    return found, report


@pytest.mark.parametrize(
    ("answer", "category", "probs", "source"),
    [
        ("HTN", "Diagnosis", DIAGNOSIS, "concept"),
        ("cold", "Diagnosis", EITHER, "concept"),
        ("by mouth", "Medication", MEDICATION, "pattern"),
        ("14.2", "Lab Reports", LAB, "value"),
    ],
)
def test_an_unlabelled_question_is_labelled(answer, category, probs, source, labeller):
    question = ask(answer, extra={"by": "me"})
    found, report = relabel(question, labeller)
    assert (found.category, found.category_probs, found.also) == (category, pytest.approx(probs), [])
    assert found.extra == {"by": "me", "label_source": source}
    assert (found.text, found.kind, found.answers) == (question.text, question.kind, question.answers)
    assert (report.labelled, report.kept, report.none) == ({source: 1}, 0, 0)
    assert question.category is None  # the record that came in is as it was


def test_a_question_has_the_mean_of_its_answers(labeller):
    found, report = relabel(ask("HTN", "cough", "cold", "14.2", "Left arm", kind="list"), labeller)
    # Diagnosis, Symptoms, half of each, Lab Reports, nothing
    assert found.category_probs == pytest.approx([1.5 / 4, 0, 1.5 / 4, 0, 1 / 4])
    assert found.category == "Diagnosis"
    assert found.extra == {"label_source": "concept"}  # of three answers, against one by its value
    assert report.labelled == {"concept": 1}


def test_question_labels(labeller):
    record = QARecord("n", TEXT, [ask("HTN", qid="a"), ask("Left arm", qid="b"), ask(qid="c"), ask("14.2", qid="d")])
    assert question_labels(record, labeller) == {
        "a": WeakLabel(tuple(DIAGNOSIS), "concept"),
        "d": WeakLabel(tuple(LAB), "value"),
    }


def test_an_unanswerable_question_is_left_alone(labeller):
    question = ask(extra={"label_source": "concept"})
    found, report = relabel(question, labeller, overwrite=True)
    assert found == question
    assert (report.labelled, report.kept, report.none) == ({}, 0, 0)


@pytest.mark.parametrize(
    "label",
    [
        {"category": "Procedure"},
        {"category": "Procedure", "also": ["Symptoms"]},
        {"category_probs": [0.0, 0.25, 0.0, 0.75, 0.0]},
    ],
)
def test_labels_given_by_hand(label, labeller):
    question = ask("HTN", **label)
    found, report = relabel(question, labeller)
    assert found == question
    assert (report.labelled, report.kept, report.none) == ({}, 1, 0)
    found, report = relabel(question, labeller, overwrite=True)
    assert (found.category, found.category_probs, found.also) == ("Diagnosis", DIAGNOSIS, [])
    assert found.extra == {"label_source": "concept"}
    assert (report.labelled, report.kept, report.none) == ({"concept": 1}, 0, 0)
    unknown = ask("Left arm", **label)
    found, report = relabel(unknown, labeller, overwrite=True)  # nothing to overwrite it with
    assert found == unknown
    assert (report.labelled, report.kept, report.none) == ({}, 1, 0)


def test_earlier_weak_labels_are_set_anew(labeller):
    old = {"category": "Procedure", "category_probs": [0.0, 0.0, 0.0, 1.0, 0.0], "extra": {"label_source": "pattern"}}
    found, report = relabel(ask("HTN", **old), labeller)
    assert (found.category, found.category_probs) == ("Diagnosis", DIAGNOSIS)
    assert found.extra == {"label_source": "concept"}
    found, report = relabel(ask("Left arm", **old), labeller)
    assert found == ask("Left arm")
    assert (report.labelled, report.kept, report.none) == ({}, 0, 1)


@pytest.mark.parametrize(
    ("answer", "probs", "expected", "source"),
    [
        ("cough", EITHER, SYMPTOMS, "logical_form+concept"),
        ("cold", [0.75, 0.0, 0.25, 0.0, 0.0], [0.75, 0.0, 0.25, 0.0, 0.0], "logical_form+concept"),
        ("cold", [0.0, 0.0, 0.25, 0.0, 0.75], SYMPTOMS, "logical_form+concept"),
        ("HTN", MEDICATION, MEDICATION, "logical_form+concept"),  # they exclude each other
        ("14.2", [0.0, 0.5, 0.0, 0.0, 0.5], LAB, "logical_form+value"),
    ],
)
def test_labels_of_logical_forms_are_narrowed_down(answer, probs, expected, source, labeller):
    question = ask(answer, category="Diagnosis", category_probs=probs, extra={"label_source": "logical_form"})
    found, report = relabel(question, labeller)
    assert found.category_probs == pytest.approx(expected)
    assert (
        found.category
        == ["Diagnosis", "Medication", "Symptoms", "Procedure", "Lab Reports"][expected.index(max(expected))]
    )
    assert found.extra == {"label_source": source}
    assert report.labelled == {source: 1}
    again, report = relabel(found, labeller, overwrite=True)  # the same evidence does not count twice
    assert again == found
    assert (report.labelled, report.kept, report.none) == ({}, 1, 0)


def test_a_label_of_a_logical_form_stays_where_nothing_is_known(labeller):
    question = ask("Left arm", category="Diagnosis", also=["Symptoms"], extra={"label_source": "logical_form"})
    found, report = relabel(question, labeller)
    assert found == question
    assert (report.labelled, report.kept, report.none) == ({}, 1, 0)


def test_also_is_part_of_a_logical_form_s_label(labeller):
    question = ask("cough", category="Diagnosis", also=["Symptoms"], extra={"label_source": "logical_form"})
    found, _ = relabel(question, labeller)
    assert (found.category, found.also, found.category_probs) == ("Symptoms", [], SYMPTOMS)


def test_records_keep_their_order_and_what_else_they_hold(labeller):
    records = [QARecord(f"n{n}", TEXT, [ask("HTN", qid="a"), ask(qid="b")], {"article": n}) for n in range(3)]
    report = LabelReport()
    found = list(label_records(records, labeller, report=report))
    assert [(record.id, record.text, record.meta) for record in found] == [(r.id, r.text, r.meta) for r in records]
    assert [[question.id for question in record.questions] for record in found] == [["a", "b"]] * 3
    assert report.labelled == {"concept": 3}
    assert list(label_records(found, labeller)) == found
    assert list(label_records([], labeller)) == []


# Agreement ------------------------------------------------------------------------------------------------------------


def test_agreement_by_hand(labeller):
    questions = [
        ask("HTN", qid="a", category="Diagnosis"),  # right, sure
        ask("cough", qid="b", category="Diagnosis", also=["Symptoms"]),  # right, as one of two
        ask("cold", "14.2", qid="c", category="Lab Reports", kind="list"),  # Diagnosis by 0.5: wrong; right by value
        ask("by mouth", qid="d", category="Procedure"),  # wrong, by pattern
        ask("Left arm", qid="e", category="Symptoms"),  # nothing known
        ask("120/80", qid="f", category="Medication", extra={"label_source": "pattern"}),  # not by hand
        ask("metformin", qid="g"),  # not labelled
        ask(qid="h"),
    ]
    found = agreement([QARecord("n", TEXT, questions)], labeller)
    assert list(found) == ["concept", "pattern", "value", "union"]
    assert {name: (row["answers"], row["labelled"]) for name, row in found.items()} == {
        "concept": (6, 3),
        "pattern": (6, 1),
        "value": (6, 1),
        "union": (6, 5),
    }
    assert [row["coverage"] for row in found.values()] == pytest.approx([3 / 6, 1 / 6, 1 / 6, 5 / 6])
    assert [row["accuracy"] for row in found.values()] == pytest.approx([2 / 3, 0, 1, 3 / 5])
    # Union: four at 1 of which three are right, one at 0.5 that is wrong: 4/5 |1 - 3/4| + 1/5 |0.5 - 0|.
    assert [row["ece"] for row in found.values()] == pytest.approx([0.5 / 3, 1, 0, 0.3])
    counts = {
        (gold, weak): count for gold, row in found["union"]["confusion"].items() for weak, count in row.items() if count
    }
    assert counts == {
        ("Diagnosis", "Diagnosis"): 1,
        ("Symptoms", "Symptoms"): 1,
        ("Lab Reports", "Diagnosis"): 1,
        ("Lab Reports", "Lab Reports"): 1,
        ("Procedure", "Medication"): 1,
    }
    assert {len(row) for row in found["union"]["confusion"].values()} == {5}


def test_agreement_without_labels_given_by_hand(labeller):
    for records in ([], [QARecord("n", TEXT, [ask("HTN")])]):
        row = agreement(records, labeller)["union"]
        assert (row["answers"], row["labelled"]) == (0, 0)
        assert (row["coverage"], row["accuracy"], row["ece"]) == (None, None, None)


def test_agreement_of_the_sources_of_a_labeller(labeller):
    assert list(agreement([], replace_sources(labeller, ["value", "concept"]))) == ["value", "concept", "union"]
