"""Questions in all their forms, answers on a doc, and what survives saving."""

import re

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin, Span
from spacy.tokens.underscore import Underscore
from thinc.api import Config

from spacy_cqa import schemas
from spacy_cqa.schemas import NoteAnswers, Question, ScoredSpan, merge_questions, parse_questions, write_answers
from spacy_cqa.types import CATEGORIES

NOTE = "Takes aspirin 81 mg daily. Reports cough and fever.\nPLAN\nChest film"
RANDOM = settings(max_examples=80, deadline=None, derandomize=True, database=None)


@pytest.fixture
def doc():
    return spacy.blank("en")(NOTE)


def span_of(doc, text, qid, category, score):
    """A scored answer; its category has the probability 0.8, the others 0.05."""
    start = NOTE.index(text)
    span = doc.char_span(start, start + len(text))
    by_category = tuple(0.8 if name == category else 0.05 for name in CATEGORIES)
    return ScoredSpan(qid, span.start, span.end, category, score, by_category, "C1" if qid == "meds" else "")


def answered(doc, **options):
    answers = NoteAnswers(
        spans=[
            span_of(doc, "aspirin 81 mg", "meds", "Medication", 0.6),
            span_of(doc, "aspirin", "meds", "Medication", 0.25),
            span_of(doc, "cough", "signs", "Symptoms", 0.5),
        ],
        questions={"meds": "Which drugs?", "signs": "Which symptoms?", "none": "Any surgery?"},
        null_scores={"meds": 0.1, "signs": 0.2, "none": 0.9},
        calibrated=True,
    )
    write_answers(doc, answers, **options)
    return doc


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, {}),
        ([], {}),
        ("Why?", {"q1": Question("q1", "Why?")}),
        (["Why?", "How?"], {"q1": Question("q1", "Why?"), "q2": Question("q2", "How?")}),
        (("Why?",), {"q1": Question("q1", "Why?")}),
        ([{"text": "Why?", "max_answers": 2}], {"q1": Question("q1", "Why?", max_answers=2)}),
        ({"meds": "Which?"}, {"meds": Question("meds", "Which?")}),
        ({"a.b-c_1": "Which?", "9": "Why?"}, {"a.b-c_1": Question("a.b-c_1", "Which?"), "9": Question("9", "Why?")}),
        (
            {"m": {"text": "W?", "categories": ["Medication"], "threshold": 1, "max_answers": 3}},
            {"m": Question("m", "W?", ("Medication",), 1.0, 3)},
        ),
        ({"m": {"text": "W?", "categories": "Lab Reports"}}, {"m": Question("m", "W?", ("Lab Reports",))}),
        ({"m": {"text": "W?", "categories": None, "threshold": None}}, {"m": Question("m", "W?")}),
    ],
)
def test_every_form_of_questions_is_read(value, expected):
    parsed = parse_questions(value, where="here")
    assert list(parsed.items()) == list(expected.items())


@pytest.mark.parametrize(
    ("value", "code", "named"),
    [
        (5, "E001", "5"),
        (b"Why?", "E001", "Why?"),
        ({"m": 5}, "E001", "'m'"),
        ({"m": ["Why?"]}, "E001", "'m'"),
        *[({qid: "?"}, "E002", repr(qid)) for qid in ("", " a", "a b", ".a", "-a", "_a", "a:b", "ä", "a\n", 1, None)],
        ({"m": ""}, "E003", "'m'"),
        (["Why?", " \n"], "E003", "'q2'"),
        ({"m": {"threshold": 0.5}}, "E003", "'m'"),
        ({"m": {"text": 5}}, "E003", "'m'"),
        ({"m": {"text": "W?", "treshold": 0.5}}, "E006", "treshold"),
        ({"m": {"text": "W?", 1: 2}}, "E006", "'1'"),
        ({"m": {"text": "W?", "categories": ["Drug"]}}, "E007", "categories"),
        ({"m": {"text": "W?", "categories": "Drug"}}, "E007", "categories"),
        ({"m": {"text": "W?", "categories": 5}}, "E007", "categories"),
        *[({"m": {"text": "W?", "threshold": x}}, "E007", "threshold") for x in (-0.1, 1.1, "0.5", True, float("nan"))],
        *[({"m": {"text": "W?", "max_answers": bad}}, "E007", "max_answers") for bad in (0, -1, 1.0, "2", True)],
    ],
)
def test_unusable_questions_are_refused_by_code_and_name(value, code, named):
    with pytest.raises(ValueError, match=rf"\[CQA-{code}\].*{re.escape(named)}"):
        parse_questions(value, where="here")


@RANDOM
@given(st.one_of(st.text(max_size=4), st.from_regex(r"[A-Za-z0-9_.-]{1,5}", fullmatch=True)))
def test_an_id_is_valid_exactly_if_of_the_named_characters(qid):
    plain = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    assert schemas.is_valid_id(qid) == (qid[:1] in plain and set(qid) <= plain | set("_.-") and bool(qid))


@RANDOM
@given(st.dictionaries(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,6}", fullmatch=True), st.just("Why?"), max_size=4))
def test_valid_ids_survive_a_config_file(questions):
    read = Config().from_str(Config({"clinical_qa": {"questions": questions}}).to_str())
    assert parse_questions(read["clinical_qa"]["questions"], where="here") == parse_questions(questions, where="here")


def test_a_standing_question_with_a_dot_in_its_id_and_settings_is_refused():
    questions = {"a.b": {"text": "Why?", "max_answers": 2}}
    with pytest.raises(ValueError, match=r"\[CQA-E\d+\].*'a\.b'"):
        spacy.blank("en").add_pipe("clinical_qa", config={"questions": questions})


def test_one_id_for_two_questions_is_refused_and_equal_ones_are_joined():
    first = parse_questions({"a": "Why?", "b": "How?"}, where="here")
    assert list(merge_questions(first, parse_questions({"c": "Who?", "a": "Why?"}, where="here"))) == ["a", "b", "c"]
    for other in ("Who?", {"text": "Why?", "max_answers": 1}):
        with pytest.raises(ValueError, match=r"\[CQA-E005\] Question 'a'"):
            merge_questions(first, parse_questions({"a": other}, where="here"))


def test_questions_of_a_doc_are_set_replaced_and_removed(doc):
    assert doc._.questions == {}
    doc._.questions = "Why?"
    assert doc._.questions == {"q1": "Why?"}
    doc._.questions = {"m": {"text": "Which?", "max_answers": 2}, "n": {"text": "When?"}}
    assert doc._.questions == {"m": {"text": "Which?", "max_answers": 2}, "n": "When?"}
    with pytest.raises(ValueError, match=r"CQA-E002.*in doc\._\.questions"):
        doc._.questions = {"a b": "Why?"}
    doc._.questions["m"] = "changed in a copy"
    assert doc._.questions["m"] == {"text": "Which?", "max_answers": 2}
    doc._.questions = None
    assert doc._.questions == {}


@pytest.mark.parametrize("way", ["docbin", "bytes", "copy"])
def test_questions_and_answers_survive(way, doc):
    answered(doc)
    doc._.questions = {"m": {"text": "Which?", "categories": ["Medication"], "threshold": 0.5}, "n": "When?"}
    if way == "docbin":
        data = DocBin(docs=[doc], store_user_data=True).to_bytes()
        (read,) = DocBin(store_user_data=True).from_bytes(data).get_docs(doc.vocab)
    else:
        read = doc.copy() if way == "copy" else Doc(doc.vocab).from_bytes(doc.to_bytes())
    assert parse_questions(read._.questions, where="") == parse_questions(doc._.questions, where="")
    assert read._.answers == doc._.answers
    assert dict(read.spans["clinical_qa"].attrs) == dict(doc.spans["clinical_qa"].attrs)


def test_answers_are_written_as_spans_with_parallel_attrs(doc):
    group = answered(doc).spans["clinical_qa"]
    assert [s.text for s in group] == ["aspirin 81 mg", "aspirin", "cough"]
    assert [(s.label_, s.id_, s.kb_id_) for s in group][1:] == [("Medication", "meds", "C1"), ("Symptoms", "signs", "")]
    assert group.attrs["scores"] == [0.6, 0.25, 0.5]
    assert [len(row) for row in group.attrs["category_scores"]] == [5, 5, 5]
    assert set(group.attrs["questions"]) == set(group.attrs["null_scores"]) == {"meds", "signs", "none"}
    assert group.attrs["calibrated"] is True
    write_answers(doc, NoteAnswers())
    assert doc._.answers == []


def test_answers_are_read_with_score_category_and_rank(doc):
    answers = answered(doc)._.answers
    assert [(a.question_id, a.rank, a.score) for a in answers] == [
        ("meds", 1, 0.6),
        ("meds", 2, 0.25),
        ("signs", 1, 0.5),
    ]
    assert [a.question for a in answers] == ["Which drugs?", "Which drugs?", "Which symptoms?"]
    assert all(a.text == doc.text[a.start_char : a.end_char] for a in answers)
    assert [a.concept_id for a in answers] == ["C1", "C1", ""]
    assert answers[2].category_scores == {name: 0.8 if name == "Symptoms" else 0.05 for name in CATEGORIES}


def test_answers_on_one_span_keep_their_own_category_and_score(doc):
    spans = [span_of(doc, "cough", "a", "Symptoms", 0.7), span_of(doc, "cough", "b", "Diagnosis", 0.2)]
    write_answers(doc, NoteAnswers(spans=spans, questions={"a": "A?", "b": "B?"}))
    first, second = Doc(doc.vocab).from_bytes(doc.to_bytes())._.answers
    assert (first.question_id, first.category, first.score) == ("a", "Symptoms", 0.7)
    assert (second.question_id, second.category, second.score) == ("b", "Diagnosis", 0.2)
    assert (first.category_scores["Symptoms"], second.category_scores["Symptoms"]) == (0.8, 0.05)


@pytest.mark.parametrize("change", ["append", "missing", "from_docs"])
def test_scores_are_none_where_attrs_are_missing_or_out_of_step(change, doc):
    group = answered(doc).spans["clinical_qa"]
    if change == "append":
        group.append(Span(doc, 0, 1, label="Procedure", span_id="new"))
    elif change == "missing":
        group.attrs.clear()
    else:
        doc = Doc.from_docs([spacy.blank("en", vocab=doc.vocab)("Before."), doc])
    answers = doc._.answers
    assert [a.score for a in answers] == [a.category_scores for a in answers] == [None] * len(answers)
    assert [a.text for a in answers][:3] == ["aspirin 81 mg", "aspirin", "cough"]
    assert all(a.text == doc.text[a.start_char : a.end_char] for a in answers)


def test_a_custom_spans_key_is_written_and_read(doc):
    answered(doc, spans_key="mine")
    assert "clinical_qa" not in doc.spans
    assert len(schemas.read_answers(doc, spans_key="mine")) == len(doc._.answers) == 3
    assert schemas.read_answers(doc, spans_key="clinical_qa") == []
    doc.spans["other"] = [doc[0:1]]
    assert len(doc._.answers) == 3


def test_given_spans_are_read_from_user_data(doc):
    assert schemas.given_spans(doc) == {}
    doc.user_data["clinical_qa_given_spans"] = {"a": ((0, 5), [6, 13])}
    assert schemas.given_spans(doc) == {"a": [(0, 5), (6, 13)]}


@pytest.mark.parametrize(
    ("piece", "with_sentences", "expected"),
    [
        ("aspirin", True, "Takes aspirin 81 mg daily."),
        ("daily. Reports", True, "Takes aspirin 81 mg daily. Reports cough and fever."),
        ("aspirin", False, "Takes aspirin 81 mg daily. Reports cough and fever."),
        ("PLAN\nChest", False, "PLAN\nChest film"),
        ("film", False, "Chest film"),
    ],
)
def test_the_sentence_of_an_answer_is_its_sentence_else_its_line(piece, with_sentences, expected):
    nlp = spacy.blank("en")
    if with_sentences:
        nlp.add_pipe("sentencizer")
    start = NOTE.index(piece)
    assert schemas.surrounding_sentence(nlp(NOTE), start, start + len(piece)) == expected


@pytest.mark.parametrize("name", ["questions", "answers"])
def test_another_packages_extension_is_refused_and_left_alone(name, monkeypatch):
    monkeypatch.setitem(Underscore.doc_extensions, name, ("theirs", None, None, None))
    schemas.set_free_extensions()
    with pytest.raises(ValueError, match=rf"CQA-E008.*Doc\._\.{name}"):
        schemas.set_extensions()
    assert spacy.blank("en")("x")._.get(name) == "theirs"


# What a linker and other components add


def test_answers_are_read_back_as_they_were_written(doc):
    spans = [
        span_of(doc, "cough", "b", "Symptoms", 0.5),
        ScoredSpan("a", 0, 1, "Medication", 0.25, (0.1, 0.6, 0.1, 0.1, 0.1), "C1", (("C1", 1.0), ("C2", 0.75))),
    ]
    answers = NoteAnswers(
        spans=spans,
        questions={"b": "B?", "a": "A?", "none": "Any surgery?"},
        null_scores={"b": 0.25, "a": 0.5, "none": 0.75},
        given_category_scores={"a": [[0.2, 0.2, 0.2, 0.2, 0.2]]},
        wanted_categories={"a": ["Medication", "Procedure"]},
        calibrated=True,
    )
    write_answers(doc, answers, spans_key="mine")
    assert schemas.read_note_answers(doc, spans_key="mine") == answers
    assert schemas.read_note_answers(Doc(doc.vocab).from_bytes(doc.to_bytes()), spans_key="mine") == answers
    assert schemas.read_note_answers(doc) is None


def test_what_is_read_back_can_be_changed_without_changing_the_doc(doc):
    before = dict(answered(doc).spans["clinical_qa"].attrs)
    found = schemas.read_note_answers(doc)
    found.spans.clear()
    found.questions["new"] = "New?"
    found.null_scores.clear()
    assert dict(doc.spans["clinical_qa"].attrs) == before
    assert len(doc.spans["clinical_qa"]) == 3


def test_attrs_that_hold_nothing_are_not_written(doc):
    attrs = set(answered(doc).spans["clinical_qa"].attrs)
    assert attrs == {"questions", "null_scores", "calibrated", "scores", "category_scores"}


def test_answers_know_their_concepts_where_any_is_linked(doc):
    linked = ScoredSpan("q", 0, 1, "", 0.9, (0.2,) * 5, "C1", (("C1", 1.0), ("C2", 0.75)))
    write_answers(doc, NoteAnswers(spans=[linked, ScoredSpan("q", 1, 2, "", 0.5, (0.2,) * 5)]))
    first, second = doc._.answers
    assert (first.concept_id, first.concepts) == ("C1", (("C1", 1.0), ("C2", 0.75)))
    assert (second.concept_id, second.concepts) == ("", ())
    doc.spans["clinical_qa"].append(Span(doc, 0, 1, kb_id="C3"))
    assert [(a.concept_id, a.concepts) for a in doc._.answers] == [("C1", ()), ("", ()), ("C3", ())]


def test_a_group_without_attrs_is_read_and_written_back(doc):
    group = answered(doc).spans["clinical_qa"]
    group.attrs.clear()
    found = schemas.read_note_answers(doc)
    assert [(span.question_id, span.score, span.category_scores, span.concepts) for span in found.spans] == [
        ("meds", None, None, ()),
        ("meds", None, None, ()),
        ("signs", None, None, ()),
    ]
    before = doc._.answers
    write_answers(doc, found)
    assert doc._.answers == before


def test_the_section_of_an_answer(doc):
    spans = [span_of(doc, "aspirin", "a", "", 0.5), span_of(doc, "Chest film", "b", "", 0.5)]
    write_answers(doc, NoteAnswers(spans=spans))
    assert [answer.section for answer in doc._.answers] == ["", "PLAN"]


@pytest.mark.parametrize("extension", ["negex", "is_negated"])
def test_negation_is_known_where_a_component_looks_for_it(extension, doc, monkeypatch):
    monkeypatch.setattr(Underscore, "span_extensions", {})
    assert [answer.negated for answer in answered(doc)._.answers] == [None, None, None]
    Span.set_extension(extension, default=False)
    cough = doc.spans["clinical_qa"][2]
    cough._.set(extension, True)
    assert [answer.negated for answer in doc._.answers] == [False, False, True]
