"""The starter ontology: its size, its form, and that its codes are the Disease Ontology's."""

import csv
import re
from collections import Counter

import pytest

from spacy_cqa.ontology.names import normalize_name
from spacy_cqa.ontology.semantic_types import semantic_types, type_weights
from spacy_cqa.types import CATEGORIES

from ..conftest import SHARED_DATA
from .conftest import STARTER

FILES = {
    "diagnoses.tsv": ("Diagnosis", "D"),
    "drugs.tsv": ("Medication", "M"),
    "symptoms.tsv": ("Symptoms", "S"),
    "procedures.tsv": ("Procedure", "P"),
    "labs.tsv": ("Lab Reports", "L"),
}
CODES = {
    "DOID": r"\d{1,7}",
    "ICD10CM": r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4}|-[A-Z]\d[0-9A-Z])?",  # a code or a block of them
    "UMLS": r"C\d{7}",
}


def rows_of(path):
    with path.open(encoding="utf8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def split(cell):
    return [part for part in cell.split("|") if part]


@pytest.fixture(scope="module")
def tables():
    return {name: rows_of(STARTER / name) for name in FILES}


def test_size(tables):
    assert {path.name for path in STARTER.glob("*.tsv")} == set(FILES)
    assert [category for category, _ in FILES.values()] == list(CATEGORIES)
    assert min(len(rows) for rows in tables.values()) >= 250
    rows = [row for found in tables.values() for row in found]
    assert len(rows) >= 1500
    assert sum(1 + len(split(row["synonyms"])) for row in rows) >= 5000


def test_ids(tables):
    for name, rows in tables.items():
        assert all(re.fullmatch(rf"CQA:{FILES[name][1]}\d{{4}}", row["id"]) for row in rows), name
    ids = Counter(row["id"] for rows in tables.values() for row in rows)
    assert max(ids.values()) == 1


@pytest.mark.parametrize("name", FILES)
def test_types_are_known_and_of_the_category(name, tables):
    category = CATEGORIES.index(FILES[name][0])
    for row in tables[name]:
        types = split(row["types"])
        assert types, row["id"]
        assert set(types) <= set(semantic_types()), row["id"]
        assert semantic_types()[types[0]].category == FILES[name][0], row["id"]
        assert type_weights(types)[category] > 0, row["id"]


@pytest.mark.parametrize("name", FILES)
def test_no_name_of_two_concepts_of_a_file(name, tables):
    owners = {}
    for row in tables[name]:
        for form in (row["name"], *split(row["synonyms"])):
            owners.setdefault(form.lower(), set()).add(row["id"])
    assert {form: ids for form, ids in owners.items() if len(ids) > 1} == {}


def test_names_are_clean(tables):
    for rows in tables.values():
        for row in rows:
            names = [row["name"], *split(row["synonyms"])]
            assert all(name == " ".join(name.split()) and name for name in names), row["id"]
            assert len(names) == len(set(names)), row["id"]


def test_drug_classes_are_concepts(tables):
    names = {name for row in tables["drugs.tsv"] for name in (row["name"], *split(row["synonyms"]))}
    classes = ["ACE inhibitor", "beta blocker", "statin", "NSAID", "opioid", "diuretic", "antibiotic", "anticoagulant"]
    assert [name for name in classes if name not in names] == []


def test_codes_are_well_formed(tables):
    codes = [code for rows in tables.values() for row in rows for code in split(row["xrefs"])]
    assert len(codes) > 1000
    for code in codes:
        system, _, value = code.partition(":")
        assert system in CODES, code
        assert re.fullmatch(CODES[system], value), code
    for rows in tables.values():
        for row in rows:
            found = split(row["xrefs"])
            assert len(found) == len(set(found)), row["id"]


@pytest.mark.shared_data
def test_codes_are_those_of_diseases_of_the_same_name(tables):
    folder = SHARED_DATA / "doid"
    if not folder.exists():
        pytest.skip("the development data is not beside the checkout")
    known = {}
    for file, column in (("HumanDO.tsv", "id"), ("allXREFinDO.tsv", "xref")):
        with (folder / file).open(encoding="utf8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t"):
                code = row[column].replace("UMLS_CUI:", "UMLS:")
                known.setdefault(normalize_name(row["label"]), set()).add(code)
    for rows in tables.values():
        for row in rows:
            names = [row["name"], *split(row["synonyms"])]
            codes = set().union(*(known.get(normalize_name(name), set()) for name in names))
            assert set(split(row["xrefs"])) <= codes, row["id"]
