"""The Human Disease Ontology: rows in its form, and the ontology itself where it is beside the checkout."""

from collections import Counter

import pytest

from spacy_cqa.ontology.concepts import Concept

from ..conftest import SHARED_DATA
from .reading import read

CYCLE = "link to a parent that closes a cycle"
PROLIFERATION = "disease of cellular proliferation"
NAMES = [
    ("D:1", PROLIFERATION, "disease"),
    ("D:2", "cancer", PROLIFERATION),
    ("D:3", "lung cancer", "lung disease"),
    ("D:3", "lung cancer", "cancer"),
    ("D:4", "lung disease", "disease"),
    ("D:5", "disease of mental health", "disease"),
    ("D:6", "anxiety", "disease of mental health"),
    ("D:7", "physical disorder", "disease"),
    ("D:8", "polydactyly", "physical disorder"),
    ("D:9", "orphan", ""),
]
XREFS = [
    ("D:3", "lung cancer", "UMLS_CUI:C0242379"),
    ("D:3", "lung cancer", "SNOMEDCT_US_2025_09_01:363358000"),
    ("D:3", "lung cancer", "SNOMEDCT_US_2021_09_01:363358000"),
    ("D:6", "anxiety", "ICD10CM:F41.9"),
]


def write(folder, names=NAMES, xrefs=XREFS, columns=("id", "label", "subClassOf")):
    for file, header, rows in (
        ("HumanDO.tsv", columns, names),
        ("allXREFinDO.tsv", ("id", "label", "xref"), xrefs),
    ):
        lines = ["\t".join(header), *("\t".join(f'"{cell}"' for cell in row) for row in rows)]
        (folder / file).write_text("\n".join(lines) + "\n", encoding="utf8")
    return folder


def test_diseases(tmp_path):
    concepts, skipped = read(write(tmp_path), "doid")
    assert skipped == {}
    assert {concept.name: concept.types for concept in concepts.values()} == {
        PROLIFERATION: ("T191",),
        "cancer": ("T191",),
        "lung cancer": ("T191",),
        "lung disease": ("T047",),
        "disease of mental health": ("T048",),
        "anxiety": ("T048",),
        "physical disorder": ("T019",),
        "polydactyly": ("T019",),
        "orphan": ("T047",),
    }
    assert concepts["D:3"].xrefs == {"UMLS": ("C0242379",), "SNOMEDCT": ("363358000",)}
    assert concepts["D:6"] == Concept("D:6", "anxiety", types=("T048",), xrefs={"ICD10CM": ("F41.9",)})


def test_odd_rows_are_skipped(tmp_path):
    names = [("D:1", "a", "b"), ("D:2", "b", "a"), ("", "c", "a"), ("D:4", "", "a"), ("D:5", "e"), ("D:1", "f", "")]
    xrefs = [("D:1", "a", "E11"), ("D:9", "i", "ICD10CM:E11"), ("D:1", "a")]
    concepts, skipped = read(write(tmp_path, names, xrefs), "doid")
    assert list(concepts.values()) == [Concept("D:1", "a", ("f",), ("T047",)), Concept("D:2", "b", (), ("T047",))]
    assert skipped.pop(CYCLE)[0] == 1
    assert skipped == {
        "row without an id or a name": (2, "HumanDO.tsv line 4"),
        "row with more or fewer cells than the header": (2, "HumanDO.tsv line 6"),
        "cross reference that is not SYSTEM:CODE": (1, "allXREFinDO.tsv line 2"),
        "cross reference of an unknown id": (1, "allXREFinDO.tsv line 3"),
    }


def test_a_missing_file_or_column_is_an_error(tmp_path):
    write(tmp_path, columns=("id", "label", "parent"))
    with pytest.raises(ValueError, match=r"CQA-E053.*'subClassOf'.*\['id', 'label', 'parent'\]"):
        read(tmp_path, "doid")
    (tmp_path / "allXREFinDO.tsv").unlink()
    with pytest.raises(ValueError, match=r"CQA-E050.*: allXREFinDO.tsv is missing"):
        read(tmp_path, "doid")


@pytest.mark.shared_data
def test_the_disease_ontology_itself():
    folder = SHARED_DATA / "doid"
    if not folder.exists():
        pytest.skip("the development data is not beside the checkout")
    concepts, skipped = read(folder, "doid")
    codes = Counter()
    for concept in concepts.values():
        codes.update({system: len(found) for system, found in concept.xrefs.items()})
    assert len(concepts) == 12_246
    # One code of UMLS and of SNOMED CT belongs to "disease" itself, which is no row of its own; a SNOMED CT code of
    # another disease stands there under two editions.
    assert (codes["UMLS"], codes["SNOMEDCT"], codes["ICD10CM"]) == (7_126 - 1, 5_358 - 2, 3_687)
    assert skipped == {"cross reference of an unknown id": (4, "allXREFinDO.tsv line 16100")}
    assert {name: concepts[name].types for name in ("DOID:9352", "DOID:1324", "DOID:5419", "DOID:1148")} == {
        "DOID:9352": ("T047",),  # type 2 diabetes mellitus
        "DOID:1324": ("T191",),  # lung cancer
        "DOID:5419": ("T048",),  # schizophrenia
        "DOID:1148": ("T019",),  # polydactyly
    }
    assert concepts["DOID:9352"].xrefs["ICD10CM"] == ("E11",)
