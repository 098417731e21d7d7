"""Every metric of the scorer, worked by hand."""

import warnings

import pytest
import spacy
from spacy.training import Example

from spacy_cqa.pipeline.scorer import METRICS, clinical_qa_score, collect_results
from spacy_cqa.schemas import NoteAnswers, ScoredSpan, write_answers
from spacy_cqa.training.records import GoldAnswer, GoldQuestion, QARecord, record_to_doc
from spacy_cqa.types import CATEGORIES

NOTE = "Takes aspirin 81 mg daily for angina. Reports cough, fever and chills. WBC 14.2."
NLP = spacy.blank("en")


def one_hot(category, sure=0.8):
    rest = (1 - sure) / 4
    return tuple(sure if name == category else rest for name in CATEGORIES)


def gold_question(qid, texts=(), category=None, kind=None, also=()):
    answers = [GoldAnswer(text, NOTE.index(text)) for text in texts]
    return GoldQuestion(qid, f"Question {qid}?", kind or ("single" if texts else "impossible"), answers, category, also)


def example(gold, predicted, given=None, *, asked=None, key="clinical_qa"):
    """An example: gold questions, predicted answers [(id, text, category)], and the category of gold spans by id."""
    reference = record_to_doc(QARecord("note", NOTE, list(gold)), NLP.make_doc, spans_key=key)
    doc = NLP.make_doc(NOTE)
    spans = []
    for qid, text, category in predicted:
        span = doc.char_span(NOTE.index(text), NOTE.index(text) + len(text))
        spans.append(ScoredSpan(qid, span.start, span.end, category, 0.5, one_hot(category)))
    questions = {question.id: question.text for question in gold if asked is None or question.id in asked}
    rows = {qid: [list(one_hot(name)) for name in names] for qid, names in (given or {}).items()}
    nulls = dict.fromkeys(questions, 0.1)
    write_answers(doc, NoteAnswers(spans, questions, nulls, given_category_scores=rows), spans_key=key)
    return Example(doc, reference)


# Two right (b after its alternative), one too long, one not found, one wrongly found, one rightly left, one list.
GOLD = [
    gold_question("a", ["aspirin"], "Medication"),
    gold_question("b", ["angina", "aspirin"], "Diagnosis"),
    gold_question("c", ["81 mg"], "Medication"),
    gold_question("d", ["14.2"], "Lab Reports"),
    gold_question("e"),
    gold_question("f"),
    gold_question("g", ["cough", "fever", "chills"], "Symptoms", "list", ["Diagnosis"]),
]
PREDICTED = [
    ("a", "aspirin", "Medication"),
    ("b", "angina", "Symptoms"),
    ("c", "aspirin 81 mg", "Medication"),
    ("e", "WBC", "Lab Reports"),
    ("g", "fever", "Diagnosis"),
    ("g", "cough", "Symptoms"),
    ("g", "daily", "Medication"),
]
GIVEN = {
    "a": ["Medication"],
    "b": ["Diagnosis", "Diagnosis"],
    "c": ["Procedure"],
    "d": ["Lab Reports"],
    "g": ["Diagnosis", "Diagnosis", "Symptoms"],
}


def test_metrics_of_answers_by_hand():
    scores = clinical_qa_score([example(GOLD, PREDICTED, GIVEN)])
    exact = {"a": 1, "b": 1, "c": 0, "d": 0, "e": 0, "f": 1, "g": 1}
    f1 = {**exact, "c": 2 * 2 / (2 + 3)}
    answerable = [qid for qid in exact if qid not in "ef"]
    assert scores["cqa_em"] == pytest.approx(sum(exact.values()) / 7)
    assert scores["cqa_f1"] == pytest.approx(sum(f1.values()) / 7)
    assert scores["cqa_hasans_em"] == pytest.approx(sum(exact[qid] for qid in answerable) / 5)
    assert scores["cqa_hasans_f1"] == pytest.approx(sum(f1[qid] for qid in answerable) / 5)
    assert scores["cqa_noans_acc"] == pytest.approx(1 / 2)
    # {fever, cough, daily} against {cough, fever, chills}
    assert scores["cqa_list_f1"] == pytest.approx(2 * 2 / 6)


def test_metrics_of_categories_by_hand():
    scores = clinical_qa_score([example(GOLD, PREDICTED, GIVEN)])
    # from the gold spans: a, b, d right, g right by `also`, c wrong
    assert scores["cqa_cat_acc_gold"] == pytest.approx(4 / 5)
    # hits: a, c right, g right by `also`, b wrong; d has no answer
    assert scores["cqa_cat_acc_hit"] == pytest.approx(3 / 4)
    assert scores["cqa_cat_hit_coverage"] == pytest.approx(4 / 5)
    # Diagnosis 2 of 2 (b, and g as it counts); Medication 1 of 2 found; Procedure 1 predicted wrongly; Lab 1 of 1
    assert scores["cqa_per_category"]["Diagnosis"] == {"p": 1.0, "r": 1.0, "f": 1.0, "support": 2}
    assert scores["cqa_per_category"]["Medication"] == pytest.approx({"p": 1.0, "r": 0.5, "f": 2 / 3, "support": 2})
    assert scores["cqa_per_category"]["Procedure"] == {"p": 0.0, "r": None, "f": 0.0, "support": 0}
    assert scores["cqa_per_category"]["Symptoms"]["support"] == 0
    assert scores["cqa_cat_macro_f1"] == pytest.approx((1 + 2 / 3 + 0 + 1) / 4)


def test_the_scores_of_several_gold_spans_are_averaged():
    rows = {"g": [list(one_hot("Diagnosis", 0.5)), list(one_hot("Symptoms", 0.9))]}
    eg = example(GOLD[-1:], [])
    eg.predicted.spans["clinical_qa"].attrs["given_category_scores"] = rows
    assert collect_results([eg])[0].gold_label == "Symptoms"


def test_a_gold_span_that_was_given_no_category_counts_as_wrong():
    one = example([gold_question("a", ["aspirin"], "Medication"), gold_question("b", ["angina"], "Diagnosis")], [], {})
    rows = {"a": [list(one_hot("Medication"))], "b": [[0.0] * 5]}
    one.predicted.spans["clinical_qa"].attrs["given_category_scores"] = rows
    scores = clinical_qa_score([one])
    assert scores["cqa_cat_acc_gold"] == 0.5
    assert scores["cqa_per_category"]["Diagnosis"] == {"p": None, "r": 0.0, "f": 0.0, "support": 1}


def test_names_are_the_same_whatever_was_found():
    for examples in ([], [example(GOLD, PREDICTED, GIVEN)], [example(GOLD, [])], [example([gold_question("e")], [])]):
        assert set(clinical_qa_score(examples)) == set(METRICS)


def test_examples_are_pooled_over_questions_not_averaged_over_notes():
    right = example(GOLD[:1], PREDICTED[:1])
    wrong = example(GOLD[1:4], [])
    assert clinical_qa_score([right, wrong])["cqa_em"] == pytest.approx(1 / 4)


@pytest.mark.parametrize("also", [(), ("Procedure",)])
def test_a_category_among_also_counts_as_right(also):
    gold = [gold_question("a", ["aspirin"], "Medication", also=list(also))]
    scores = clinical_qa_score([example(gold, [("a", "aspirin", "Procedure")], {"a": ["Procedure"]})])
    assert scores["cqa_cat_acc_gold"] == scores["cqa_cat_acc_hit"] == float(bool(also))
    assert scores["cqa_per_category"]["Procedure"]["support"] == int(bool(also))


def test_metrics_are_none_only_where_gold_lacks_the_annotation():
    def missing(gold, predicted=(), given=None):
        scores = clinical_qa_score([example(gold, predicted, given)])
        return {name.removeprefix("cqa_") for name, value in scores.items() if value is None}

    categories = {"cat_acc_gold", "cat_acc_hit", "cat_hit_coverage", "cat_macro_f1", "per_category"}
    answerable = {"hasans_em", "hasans_f1"}
    assert missing(GOLD, PREDICTED, GIVEN) == set()
    assert missing(GOLD, [], GIVEN) == set()
    assert missing(GOLD[:1], [], GIVEN) == {"noans_acc", "list_f1"}
    assert missing([gold_question("a", ["aspirin"])], PREDICTED[:1], GIVEN) == categories | {"noans_acc", "list_f1"}
    assert missing([gold_question("e")]) == categories | answerable | {"list_f1"}


def test_unanswerable_questions_alone():
    gold = [gold_question("e"), gold_question("f")]
    scores = clinical_qa_score([example(gold, [("e", "WBC", "Lab Reports")])])
    assert scores["cqa_em"] == scores["cqa_f1"] == scores["cqa_noans_acc"] == 0.5


@pytest.mark.parametrize("predicted", [[], [("a", "angina", "Medication")]])
def test_without_a_hit_the_category_of_hits_is_zero(predicted):
    scores = clinical_qa_score([example(GOLD[:1], predicted, GIVEN)])
    assert scores["cqa_cat_acc_hit"] == scores["cqa_cat_hit_coverage"] == 0.0
    assert scores["cqa_cat_acc_gold"] == 1.0


@pytest.mark.parametrize("plain", [True, False])
def test_nothing_asked_scores_none_and_warns(plain):
    eg = example(GOLD, [], asked=[])
    if plain:  # as `spacy evaluate` makes it: the component did not write
        eg = Example(NLP.make_doc(NOTE), eg.reference)
    with pytest.warns(UserWarning, match="CQA-W001"):
        assert clinical_qa_score([eg]) == dict.fromkeys(METRICS)


def test_examples_without_gold_questions_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert clinical_qa_score([Example(NLP.make_doc(NOTE), NLP.make_doc(NOTE))]) == dict.fromkeys(METRICS)
        assert clinical_qa_score([]) == dict.fromkeys(METRICS)


def test_only_questions_that_were_asked_count():
    eg = example(GOLD, PREDICTED, GIVEN, asked=["a", "f"])
    assert [result.id for result in collect_results([eg])] == ["a", "f"]
    assert clinical_qa_score([eg])["cqa_em"] == 1.0


def test_gold_texts_that_cut_a_token_are_compared_raw():
    gold = [gold_question("a", ["14"], "Medication")]
    eg = example(gold, [])
    whole = eg.reference.spans["clinical_qa"][0].text
    assert len(whole) > len("14")
    (result,) = collect_results([example(gold, [("a", whole, "Medication")])])
    assert (result.gold_texts, result.gold_spans) == (["14"], [(NOTE.index("14.2"), NOTE.index("14.2") + 2)])
    assert (result.is_hit, result.f1) == (True, 0.0)


def test_a_custom_spans_key_reaches_gold_and_prediction():
    eg = example(GOLD, PREDICTED, GIVEN, key="mine")
    assert clinical_qa_score([eg], spans_key="mine") == clinical_qa_score([example(GOLD, PREDICTED, GIVEN)])
    assert clinical_qa_score([eg])["cqa_em"] is None


def test_results_hold_gold_and_prediction_side_by_side():
    result = collect_results([example(GOLD, PREDICTED, GIVEN)])[-1]
    assert (result.note, result.id, result.kind, result.category) == ("note", "g", "list", "Symptoms")
    assert result.also == ("Diagnosis",)
    assert result.gold_texts == ["cough", "fever", "chills"]
    assert result.texts == ["fever", "cough", "daily"]
    assert result.labels == ["Diagnosis", "Symptoms", "Medication"]
    assert (result.best, result.score, result.gold_label) == ("fever", 0.5, "Diagnosis")
