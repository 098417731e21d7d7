"""From texts of answers to concepts, as a whole and by the names inside."""

import pytest

from spacy_cqa.ontology.mentions import MAX_NAME_WORDS, LinkSettings, link_texts, names_before, names_inside


def ids(candidates):
    return [candidate.concept_id for candidate in candidates]


@pytest.mark.parametrize(
    ("text", "concepts"),
    [
        ("cough", ["C04"]),
        ("coughs", ["C04"]),
        ("  Metformin\n", ["C03"]),
        ("on metformin for her diabetes since a year", ["C03", "C02"]),
        ("MI", ["C17", "C08", "C09"]),
        ("left knee", ["C12"]),
        ("nothing of the kind", []),
        ("", []),
        (" \n ", []),
        ("a", []),
        ("😀", []),
    ],
)
def test_link(text, concepts, kb):
    found = link_texts(kb, [text], LinkSettings())
    assert list(found) == [text]
    assert ids(found[text]) == concepts


def test_several_texts_at_once(kb):
    texts = ["cough", "cough ", "", "anxiety", "cough"]
    found = link_texts(kb, texts, LinkSettings())
    assert {text: ids(candidates) for text, candidates in found.items()} == {
        "cough": ["C04"],
        "cough ": ["C04"],
        "": [],
        "anxiety": ["C15"],
    }
    assert link_texts(kb, [], LinkSettings()) == {}


def test_settings(kb):
    text = "severe hypertension and MI"
    assert ids(link_texts(kb, [text], LinkSettings(threshold=0.9))[text]) == ["C01", "C17", "C08", "C09"]
    assert ids(link_texts(kb, [text], LinkSettings(threshold=0.9, max_candidates=2))[text]) == ["C01", "C17"]
    assert link_texts(kb, [text], LinkSettings(threshold=0.9, partial=False))[text] == []
    assert ids(link_texts(kb, ["MI"], LinkSettings(max_candidates=1))["MI"]) == ["C17"]


def test_names_inside_by_hand(kb):
    text = "BP up: high blood pressures, cough"  # 34 characters
    found = names_inside(kb, text)
    assert [(one.concept_id, one.name, one.score) for one in found] == [
        ("C01", "high blood pressures", pytest.approx(0.5 + 0.5 * 20 / 34)),  # and not "blood pressure" inside it
        ("C04", "cough", pytest.approx(0.5 + 0.5 * 5 / 34)),
        ("C07", "BP", pytest.approx(0.5 + 0.5 * 2 / 34)),
    ]


def test_a_concept_is_found_once_by_its_longest_name(kb):
    found = names_inside(kb, "HTN, that is hypertension (HTN)")
    assert [(one.concept_id, one.name) for one in found] == [("C01", "hypertension")]


@pytest.mark.parametrize("text", ["coughdrop", "hot", "", "😀", "MIMI"])
def test_no_names_inside(text, kb):
    assert names_inside(kb, text) == []


def test_names_of_many_words(kb):
    filler = "and " * MAX_NAME_WORDS
    assert ids(names_inside(kb, f"{filler}type-2 diabetes mellitus {filler}")) == ["C02"]


def test_long_text(kb):
    text = "she has no such thing at all " * 350 + "cough"
    assert len(text) > 10_000
    assert ids(link_texts(kb, [text], LinkSettings())[text]) == ["C04"]


@pytest.mark.parametrize(
    ("before", "concepts"),
    [
        ("WBC ", [("C06",)]),
        ("BP 120/80, WBC ", [("C06",), ("C07",)]),
        ("metformin for diabetes: ", [("C02",), ("C03",)]),
        ("total of ", []),
        ("", []),
    ],
)
def test_names_before(before, concepts, kb):
    assert names_before(kb, before) == concepts
