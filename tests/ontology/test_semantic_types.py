"""The semantic types of the UMLS, their groups, and the categories that their answers have."""

from collections import Counter

import pytest

from spacy_cqa.ontology.semantic_types import find_type, semantic_types, type_weights
from spacy_cqa.types import CATEGORIES

THIRD = pytest.approx(1 / 3)
TWO_THIRDS = pytest.approx(2 / 3)
CATEGORY_OF = {
    "Diagnosis": "T047 T048 T191 T046 T037 T019 T190 T049 T020",
    "Medication": "T121 T200 T195 T125 T127 T129 T109",
    "Symptoms": "T184 T033",
    "Procedure": "T060 T061 T058",
    "Lab Reports": "T059 T034",
}
# Types of each group, as the Semantic Network has them.
GROUPS = {
    "Activities & Behaviors": 9,
    "Anatomy": 11,
    "Chemicals & Drugs": 20,
    "Concepts & Ideas": 12,
    "Devices": 3,
    "Disorders": 12,
    "Genes & Molecular Sequences": 5,
    "Geographic Areas": 1,
    "Living Beings": 21,
    "Objects": 5,
    "Occupations": 2,
    "Organizations": 4,
    "Phenomena": 6,
    "Physiology": 9,
    "Procedures": 7,
}


def test_all_types_and_groups():
    types = semantic_types()
    assert len(types) == 127
    assert len({found.name for found in types.values()}) == 127
    assert Counter(found.group for found in types.values()) == GROUPS
    assert all(tui == found.tui for tui, found in types.items())


@pytest.mark.parametrize(("category", "tuis"), CATEGORY_OF.items())
def test_categories(category, tuis):
    assert {semantic_types()[tui].category for tui in tuis.split()} == {category}


@pytest.mark.parametrize("tui", ["T023", "T029", "T079", "T080", "T081", "T082"])
def test_places_times_and_quantities_have_none(tui):
    assert semantic_types()[tui].category == ""


def test_categories_are_known_and_disputed_ones_have_a_reason():
    for found in semantic_types().values():
        assert found.category in ("", *CATEGORIES)
        assert found.also in ("", *CATEGORIES)
        if found.also:
            assert found.reason, found.tui
            assert found.category not in ("", found.also), found.tui


def test_references_of_reasons_exist():
    for found in semantic_types().values():
        for word in found.reason.replace(".", " ").replace(";", " ").replace(",", " ").split():
            if word[0] == "T" and word[1:].isdigit():
                assert word in semantic_types(), found.tui


@pytest.mark.parametrize(
    ("text", "tui"),
    [
        ("T047", "T047"),
        (" t047 ", "T047"),
        ("disease or syndrome", "T047"),
        ("Sign or Symptom", "T184"),
        ("Diagnosis", "T047"),
        ("medication", "T121"),
        ("SYMPTOMS", "T184"),
        ("Procedure", "T061"),
        ("lab reports", "T059"),
        ("T999", None),
        ("", None),
        ("disease", None),
    ],
)
def test_find_type(text, tui):
    assert find_type(text) == tui


@pytest.mark.parametrize(
    ("tuis", "weights"),
    [
        (["T047"], (1, 0, 0, 0, 0)),
        (["T033"], (THIRD, 0, TWO_THIRDS, 0, 0)),
        (["T047", "T184"], (0.5, 0, 0.5, 0, 0)),
        # (1, 0, 0, 0, 0) and (1/3, 0, 2/3, 0, 0)
        (["T047", "T033"], (TWO_THIRDS, 0, THIRD, 0, 0)),
        # (0, 2/3, 0, 0, 1/3), (0, 1/3, 0, 0, 2/3) and (0, 1, 0, 0, 0)
        (["T116", "T123", "T121"], (0, TWO_THIRDS, 0, 0, THIRD)),
        (["T047", "T023"], (1, 0, 0, 0, 0)),  # a type without a category has no say
        (["T047", "T999"], (1, 0, 0, 0, 0)),
        (["T023", "T999"], None),
        ([], None),
    ],
)
def test_weights_by_hand(tuis, weights):
    assert type_weights(tuis) == weights
