"""Weak labels: concepts, then patterns, then what a value is a value of."""

import pytest

from spacy_cqa.categories import best_category
from spacy_cqa.ontology.concepts import make_concept
from spacy_cqa.ontology.kb import Candidate, KnowledgeBase, build_kb
from spacy_cqa.ontology.labels import SOURCES, WeakLabel, WeakLabeller, concept_label
from spacy_cqa.ontology.mentions import LinkSettings

DIAGNOSIS = (1.0, 0.0, 0.0, 0.0, 0.0)
MEDICATION = (0.0, 1.0, 0.0, 0.0, 0.0)
SYMPTOMS = (0.0, 0.0, 1.0, 0.0, 0.0)
LAB = (0.0, 0.0, 0.0, 0.0, 1.0)
VITAL = (0.0, 0.0, pytest.approx(2 / 3), 0.0, pytest.approx(1 / 3))  # a clinical attribute


def label(kb, text, answer, **options):
    """The label of the last occurrence of an answer: its distribution and source."""
    start = text.rindex(answer)
    (found,) = WeakLabeller(kb, **options).label(text, [(start, start + len(answer))])
    return None if found is None else (found.distribution, found.source)


@pytest.mark.parametrize(
    ("answer", "distribution", "source"),
    [
        ("hypertension", DIAGNOSIS, "concept"),
        ("Metformin", MEDICATION, "concept"),
        ("anxiety", (pytest.approx(2 / 3), 0, pytest.approx(1 / 3), 0, 0), "concept"),
        ("cold", (0.5, 0, 0.5, 0, 0), "concept"),  # the common cold, and feeling cold
        ("MI", DIAGNOSIS, "concept"),  # two disorders, and a concept whose type has no category
        ("20 mg once daily", MEDICATION, "pattern"),
        ("by mouth", MEDICATION, "pattern"),
        ("2.1 mg/dL", LAB, "pattern"),
        ("120/80", SYMPTOMS, "pattern"),
    ],
)
def test_concepts_and_patterns(answer, distribution, source, kb):
    assert label(kb, answer, answer) == (distribution, source)


@pytest.mark.parametrize("answer", ["left knee", "three days", "nothing known", " ", "😀", "14.2"])
def test_nothing_known(answer, kb):
    assert label(kb, f"The {answer}", answer) is None


@pytest.mark.parametrize(
    ("text", "answer", "distribution"),
    [
        ("WBC 14.2", "14.2", LAB),
        ("Labs: wbc: 14.2 today", "14.2", LAB),
        ("BP 120/80", "120/80", VITAL),
        ("metformin 1000", "1000", MEDICATION),
        ("metformin 1000 mg", "1000 mg", MEDICATION),
        ("metformin for hypertension 1000", "1000", MEDICATION),  # a diagnosis has no value
        ("metformin 500, WBC 14.2", "14.2", LAB),  # the nearest name
        ("WBC 14.2, metformin 500", "500", MEDICATION),
        ("WBC 14.2, BP 120/80", "14.2", LAB),
        ("WBC\n14.2", "14.2", None),  # on its own line only
        ("WBC 9.1\nNa 14.2", "14.2", None),
        ("hypertension since 2010", "2010", None),
        ("14.2", "14.2", None),
        ("WBC " + "x" * 100 + " 14.2", "14.2", None),  # too far
        ("WBC was high", "high", None),  # no value
    ],
)
def test_values(text, answer, distribution, kb):
    found = label(kb, text, answer, sources=["value"])
    assert found == (None if distribution is None else (distribution, "value"))


def test_common_words_name_nothing(tmp_path):
    concepts = [
        make_concept("1", ["full range of motion", "FROM"], ["T033"]),
        make_concept("2", ["creatinine"], ["T059"]),
    ]
    build_kb(concepts, tmp_path / "kb")
    labeller = WeakLabeller(KnowledgeBase(tmp_path / "kb"))
    note = "Creatinine rose from 0.8 to 1.4."
    (label,) = labeller.label(note, [(note.index("0.8"), note.index("0.8") + 3)])
    assert (best_category(label.distribution), label.source) == ("Lab Reports", "value")


def test_the_first_source_that_says_something_decides(kb):
    assert SOURCES == ("concept", "pattern", "value")
    text = "BP 120/80, metformin 1000 mg"
    assert label(kb, text, "metformin 1000 mg") == (MEDICATION, "concept")
    assert label(kb, text, "metformin 1000 mg", sources=["pattern", "concept"]) == (MEDICATION, "pattern")
    assert label(kb, text, "120/80") == (SYMPTOMS, "pattern")
    assert label(kb, text, "120/80", sources=["value", "pattern"]) == (VITAL, "value")
    assert label(kb, text, "120/80", sources=["concept"]) is None
    assert label(kb, text, "120/80", sources=[]) is None


def test_settings_reach_the_links(kb):
    text = "mild hypertension"
    assert label(kb, text, text, settings=LinkSettings(threshold=0.99)) == (DIAGNOSIS, "concept")
    assert label(kb, text, text, settings=LinkSettings(threshold=0.99, partial=False)) is None


def test_known_links_are_used(kb):
    labeller = WeakLabeller(kb)
    links = [[Candidate("C03", 0.9, "metformin")], []]
    labels = labeller.label("cough and cough", [(0, 5), (10, 15)], links=links)
    assert labels == [WeakLabel(MEDICATION, "concept"), None]


def test_answers_keep_their_order(kb):
    text = "Cough, three days. WBC 14.2. Cough."
    spans = [(0, 5), (7, 17), (23, 27), (29, 34)]
    labels = WeakLabeller(kb).label(text, spans)
    assert [one and best_category(one.distribution) for one in labels] == ["Symptoms", None, "Lab Reports", "Symptoms"]
    assert WeakLabeller(kb).label(text, []) == []


def test_similar_concepts_weigh_by_their_nearness(kb):
    """A similarity less by a tenth counts a tenth: 10 parts Diagnosis, 1 part Symptoms."""
    found = concept_label(kb, [Candidate("C01", 0.95, ""), Candidate("C04", 0.85, "")])
    assert found == pytest.approx((10 / 11, 0, 1 / 11, 0, 0))


def test_concepts_without_a_category_have_no_say(kb):
    assert concept_label(kb, [Candidate("C12", 1.0, "")]) is None
    assert concept_label(kb, [Candidate("C12", 1.0, ""), Candidate("C04", 0.8, "")]) == SYMPTOMS
    assert concept_label(kb, [Candidate("unknown", 1.0, "")]) is None
    assert concept_label(kb, []) is None


def test_types_of_one_concept_are_joined(kb):
    # glucose: (0, 1/3, 0, 0, 2/3) as a body substance, (0, 1, 0, 0, 0) as a drug
    assert concept_label(kb, [Candidate("C16", 1.0, "")]) == pytest.approx((0, 2 / 3, 0, 0, 1 / 3))
