"""Names in one form, and abbreviations."""

import csv
from importlib import resources
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_cqa.ontology.concepts import make_concept
from spacy_cqa.ontology.names import add_abbreviations, clinical_abbreviations, normalize_name, words_of

from .conftest import STARTER


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Hypertension", "hypertension"),
        ("chest  X-ray\n", "chest x ray"),
        ("beta-blockers", "beta blocker"),
        ("Fractures of the ribs", "fracture of the rib"),
        ("biopsies", "biopsy"),
        ("allergies", "allergy"),
        ("dies", "die"),
        ("abscesses and masses", "abscess and mass"),
        ("rashes, reflexes, inches, patches", "rash reflex inch patch"),
        ("headaches", "headache"),
        ("diseases", "disease"),
        ("lupus erythematosus", "lupus erythematosus"),
        ("psoriasis", "psoriasis"),
        ("abscess", "abscess"),
        ("gas", "gas"),
        ("COPD", "copd"),
        ("Crohn's disease", "crohn s disease"),
        ("Crohn’s disease", "crohn s disease"),
        ("Sjögren syndrome", "sjogren syndrome"),
        ("Sjo\u0308gren syndrome", "sjogren syndrome"),  # the accent stands apart
        ("MÉNIÈRE", "meniere"),
        ("İ", "i"),
        ("α-fetoprotein", "α fetoprotein"),
        ("snake_case", "snake case"),
        ("vitamin B12", "vitamin b12"),
        ("😀 -- ", ""),
        ("", ""),
    ],
)
def test_normalize(text, normal):
    assert normalize_name(text) == normal


@given(st.text())
def test_normalizing_twice_changes_nothing(text):
    assert normalize_name(normalize_name(text)) == normalize_name(text)


@given(st.lists(st.text(alphabet="aceihnstuxyz", min_size=1), min_size=1))
def test_normalizing_endings_twice_changes_nothing(words):
    text = " ".join(words)
    assert normalize_name(normalize_name(text)) == normalize_name(text)


@given(st.text())
def test_case_and_white_space_do_not_matter(text):
    assert normalize_name(f" {text}\n") == normalize_name(text)
    if text.isascii():
        assert normalize_name(text.upper()) == normalize_name(text.lower())


@given(st.text())
def test_words_are_those_of_the_name(text):
    words = words_of(text)
    for word, start, end in words:
        assert normalize_name(text[start:end]) == word
    assert all(first[2] <= second[1] for first, second in pairwise(words))


def test_offsets():
    assert words_of("Rib X-rays: 2.") == [("rib", 0, 3), ("x", 4, 5), ("ray", 6, 10), ("2", 12, 13)]


# Abbreviations --------------------------------------------------------------------------------------------------------


def test_abbreviations_are_added_once():
    copd = make_concept(
        "D1", ["Chronic obstructive pulmonary diseases", "lung trouble"], ["T047"], "d", [("MESH", "D1")]
    )
    known = make_concept("D2", ["chronic obstructive pulmonary disease", "COPD"])
    other = make_concept("D3", ["nothing that is shortened"])
    with_short, unchanged, untouched = add_abbreviations([copd, known, other])
    assert with_short == make_concept("D1", [*copd.names, "COPD"], ["T047"], "d", [("MESH", "D1")])
    assert unchanged == known
    assert untouched is other


def test_every_abbreviation_stands_for_its_name_in_the_starter_ontology():
    names = {}
    for path in sorted(STARTER.glob("*.tsv")):
        with path.open(encoding="utf8") as lines:
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                known = {row["name"], *row["synonyms"].split("|")}
                for name in known:
                    names.setdefault(normalize_name(name), set()).update(known)
    wrong = {
        name: missing
        for name, forms in clinical_abbreviations().items()
        if (missing := set(forms) - names.get(name, set()))
    }
    assert wrong == {}


def test_the_table_of_abbreviations_is_clean():
    table = resources.files("spacy_cqa.ontology").joinpath("abbreviations.tsv").read_text(encoding="utf8").splitlines()
    rows = [line.split("\t") for line in table[1:]]
    assert len(rows) > 1000
    names = [normalize_name(name) for name, _ in rows]
    assert len(names) == len(set(names))
    for name, forms in rows:
        found = forms.split("|")
        assert len(found) == len(set(found)), name
        assert all(form and form == " ".join(form.split()) for form in found), name
        assert all(normalize_name(form) != normalize_name(name) for form in found), name
