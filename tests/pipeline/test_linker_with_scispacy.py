"""The linker beside the components of scispacy and negspacy."""

import json
import pickle
import shutil
import subprocess
import sys

import negspacy.negation  # noqa: F401 - these three register components
import pytest
import scispacy.abbreviation
import scispacy.linking  # noqa: F401
import spacy
from spacy.tokens import DocBin
from spacy.tokens.underscore import Underscore
from spacy.training import Example

from spacy_cqa.schemas import NoteAnswers, ScoredSpan, write_answers
from spacy_cqa.training.records import GoldAnswer, GoldQuestion, QARecord, copy_questions, record_to_doc
from spacy_cqa.types import CATEGORIES

from ..conftest import train

NOTE = (
    "HISTORY: Chronic obstructive pulmonary disease (COPD) since 2015.\n"
    "MEDICATIONS\n- metformin hydrochloride, lisinopril for high blood pressure\n"
    "EXAM: She denies fever.\n"
    "PLAN\nTreat COPD with azithromycin."
)
NAMES = ["metformin hydrochloride", "lisinopril", "high blood pressure", "fever"]


@pytest.fixture(scope="module", autouse=True)
def _extensions():
    """Extensions belong to the whole process; other tests find them as they were."""
    kept = dict(Underscore.doc_extensions), dict(Underscore.span_extensions)
    yield
    Underscore.doc_extensions, Underscore.span_extensions = kept


def add_scispacy(nlp, kb):
    nlp.add_pipe("sentencizer")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "ENTITY", "pattern": name} for name in NAMES])
    nlp.add_pipe("abbreviation_detector")
    generator = {"@misc": "spacy-cqa.CandidateGenerator.v1", "kb": str(kb)}
    nlp.add_pipe("scispacy_linker", config={"candidate_generator": generator})
    return nlp


@pytest.fixture(scope="module")
def linked(kb):
    """A pipeline without a reader: answers are written by hand before it."""
    nlp = add_scispacy(spacy.blank("en"), kb)
    nlp.add_pipe("clinical_qa_linker", config={"linker": "scispacy_linker"})
    return nlp


def answered(nlp, *texts):
    """A doc with answers; a text that stands more than once means its last place."""
    doc = nlp.make_doc(NOTE)
    spans = [doc.char_span(NOTE.rindex(text), NOTE.rindex(text) + len(text)) for text in texts]
    scored = [ScoredSpan("q", span.start, span.end, "", 0.9, (0.2,) * len(CATEGORIES)) for span in spans]
    write_answers(doc, NoteAnswers(scored))
    return doc


def answer_concepts(nlp, *texts):
    return [[concept_id for concept_id, _ in answer.concepts] for answer in nlp(answered(nlp, *texts))._.answers]


# Entities and abbreviations


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metformin", ["C08"]),  # as the entity around it, not as its own text
        ("azithromycin", ["C05"]),  # no entity
        ("lisinopril for high blood pressure", ["C02", "C06"]),  # three tokens shared, and one
        ("COPD with azithromycin", ["C03"]),  # no entity, expanded
    ],
)
def test_entities_come_first(text, expected, linked):
    assert answer_concepts(linked, text) == [expected]


def test_what_entities_say_is_not_looked_up_again(linked, monkeypatch):
    calls = []
    generator = linked.get_pipe("scispacy_linker").candidate_generator
    call = type(generator).__call__
    monkeypatch.setattr(type(generator), "__call__", lambda self, texts, k: calls.append(texts) or call(self, texts, k))
    answer_concepts(linked, "lisinopril", "azithromycin", "fever")
    assert calls == [NAMES, ["azithromycin"]]
    del calls[:]
    answer_concepts(linked, "lisinopril", "fever")
    assert calls == [NAMES]


def test_most_concepts_of_entities_are_counted_as_of_texts(linked, monkeypatch):
    monkeypatch.setitem(linked.get_pipe("clinical_qa_linker").settings, "max_candidates", 1)
    assert answer_concepts(linked, "lisinopril for high blood pressure") == [["C02"]]


@pytest.mark.parametrize("serializable", [False, True])
def test_abbreviations_that_the_note_spells_out_are_expanded(serializable, kb):
    nlp = spacy.blank("en")
    nlp.add_pipe("clinical_qa_linker", config={"kb": str(kb)})
    assert answer_concepts(nlp, "COPD") == [[]]
    nlp.add_pipe("abbreviation_detector", config={"make_serializable": serializable}, first=True)
    assert answer_concepts(nlp, "COPD", "Treat COPD") == [["C03"], ["C03"]]


def test_the_generator_is_shared_and_stays_so(linked):
    pipes = [linked.get_pipe(name) for name in ("clinical_qa_linker", "scispacy_linker")]
    for ours, theirs in (pipes, pickle.loads(pickle.dumps(pipes))):
        assert ours.kb.generator is theirs.candidate_generator
        assert [found.concept_id for found in ours.labeller().link(["fever"])["fever"]] == ["C09"]


def test_a_linker_of_the_pipeline_is_not_copied(linked, tmp_path):
    linked.get_pipe("clinical_qa_linker").to_disk(tmp_path / "pipe")
    assert sorted(path.name for path in (tmp_path / "pipe").iterdir()) == ["cfg", "kb_setting"]
    answers = answer_concepts(linked, "azithromycin")
    linked.get_pipe("clinical_qa_linker").from_disk(tmp_path / "pipe")
    assert answer_concepts(linked, "azithromycin") == answers == [["C05"]]


# One pipeline of all

GOLD = {
    "lungs": ("Which lung disease is treated?", "COPD", "Diagnosis"),
    "drug": ("What is given for the pressure?", "lisinopril", "Medication"),
    "sign": ("Which symptom was looked for?", "fever", "Symptoms"),
}


@pytest.fixture(scope="module")
def reader(make_nlp):
    """A tiny reader that learned the note by heart."""
    nlp = make_nlp()
    questions = [
        GoldQuestion(qid, question, "single", [GoldAnswer(text, NOTE.rindex(text))], category)
        for qid, (question, text, category) in GOLD.items()
    ]
    reference = record_to_doc(QARecord("note", NOTE, questions), nlp.make_doc)
    predicted = nlp.make_doc(NOTE)
    copy_questions(reference, predicted, list(GOLD))
    train(nlp, [Example(predicted, reference)], steps=60)
    return nlp


@pytest.fixture(scope="module")
def whole(reader, kb):
    config = {"nlp": {"before_creation": {"@callbacks": "spacy-cqa.RegisterFactories.v1"}}}
    config["nlp"]["before_creation"]["packages"] = ["scispacy", "negspacy"]
    nlp = add_scispacy(spacy.blank("en", config=config), kb)
    nlp.add_pipe("clinical_qa", source=reader)
    nlp.add_pipe("clinical_qa_linker", config={"linker": "scispacy_linker"})
    nlp.add_pipe("negex", config={"span_keys": ["clinical_qa"]})
    return nlp


EXPECTED = [
    ["lungs", "COPD", "Diagnosis", "C03", False, "PLAN"],
    ["drug", "lisinopril", "Medication", "C06", False, "MEDICATIONS"],
    ["sign", "fever", "Symptoms", "C09", True, "EXAM"],
]


def asking(nlp):
    doc = nlp.make_doc(NOTE)
    doc._.questions = {qid: question for qid, (question, _, _) in GOLD.items()}
    return doc


def test_every_answer_knows_concept_negation_and_section(whole):
    answers = whole(asking(whole))._.answers
    found = [[a.question_id, a.text, a.category, a.concept_id, a.negated, a.section] for a in answers]
    assert found == EXPECTED


_RELOAD = """
import json, sys, spacy
from spacy.tokens import DocBin
folder = sys.argv[1]
own = spacy.load(folder + "/own")
print(json.dumps("scispacy" in sys.modules))
(doc,) = DocBin(store_user_data=True).from_disk(folder + "/answered.spacy").get_docs(own.vocab)
print(json.dumps([answer.concept_id for answer in own(doc)._.answers]))
whole = spacy.load(folder + "/whole")
(doc,) = DocBin(store_user_data=True).from_disk(folder + "/asking.spacy").get_docs(whole.vocab)
answers = whole(doc)._.answers
print(json.dumps([[a.question_id, a.text, a.category, a.concept_id, a.negated, a.section] for a in answers]))
"""


def test_saved_pipelines_load_with_no_import_but_spacy(whole, kb, tmp_path):
    copy = shutil.copytree(kb, tmp_path / "kb")
    own = spacy.blank("en")
    own.add_pipe("clinical_qa_linker", config={"kb": str(copy)})
    own.to_disk(tmp_path / "own")
    shutil.rmtree(copy)
    whole.to_disk(tmp_path / "whole")
    for name, doc in {"answered": answered(own, "azithromycin", "fever"), "asking": asking(whole)}.items():
        DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / f"{name}.spacy")
    command = [sys.executable, "-c", _RELOAD, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [False, ["C05", "C09"], EXPECTED]
