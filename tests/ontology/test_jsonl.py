"""JSON lines in scispaCy's form."""

import json

import pytest

from spacy_cqa.ontology.concepts import Concept

from .reading import read

GOUT = {
    "concept_id": "C0018099",
    "canonical_name": "Gout",
    "aliases": ["Gout", "podagra"],
    "types": ["T047"],
    "definition": "Crystals in joints.",
    "xrefs": {"ICD10": ["M10"], "SNOMEDCT_US": ["90560007", "90560007"]},
}


def write(tmp_path, *lines):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def test_a_line(tmp_path):
    concepts, skipped = read(write(tmp_path, GOUT, {"concept_id": "2", "canonical_name": "Fièvre"}), "jsonl")
    assert list(concepts.values()) == [
        Concept(
            "C0018099",
            "Gout",
            ("podagra",),
            ("T047",),
            "Crystals in joints.",
            {"ICD10": ("M10",), "SNOMEDCT": ("90560007",)},
        ),
        Concept("2", "Fièvre"),
    ]
    assert skipped == {}


@pytest.mark.parametrize(
    ("change", "skipped"),
    [
        ({"aliases": None, "types": None, "definition": None, "xrefs": None}, {}),
        ({"aliases": "podagra"}, {"aliases that are no list of texts": (1, "a.jsonl line 1")}),
        ({"aliases": [1]}, {"aliases that are no list of texts": (1, "a.jsonl line 1")}),
        ({"types": {"T047": 1}}, {"types that are no list of texts": (1, "a.jsonl line 1")}),
        ({"types": ["T999"]}, {"unknown semantic type": (1, "a.jsonl line 1")}),
        ({"xrefs": ["ICD10:M10"]}, {"xrefs that are no dict of lists": (1, "a.jsonl line 1")}),
        ({"xrefs": {"ICD10": "M10"}}, {"xrefs that are no list of texts": (1, "a.jsonl line 1")}),
        ({"xrefs": {"": ["M10"], "ICD10": [" "]}}, {}),
        ({"definition": 3}, {}),
        ({"score": 3}, {"unknown key": (1, "a.jsonl line 1, 'score'")}),
    ],
)
def test_odd_values_are_left_out_and_the_concept_kept(change, skipped, tmp_path):
    line = {"concept_id": "1", "canonical_name": "gout", **change}
    assert read(write(tmp_path, line), "jsonl") == ({"1": Concept("1", "gout")}, skipped)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"concept_id": "2", "canonical_n', "line that is no JSON object"),
        ('["C1", "gout"]', "line that is no JSON object"),
        ("[" * 100_000, "line that is no JSON object"),
        (r'{"concept_id": "2", "canonical_name": "\ud83d"}', "line that is no JSON object"),
        ({"canonical_name": "a"}, "line without a concept_id or a canonical_name"),
        ({"concept_id": "2", "aliases": ["a"]}, "line without a concept_id or a canonical_name"),
        ({"concept_id": "2", "canonical_name": "  "}, "line without a concept_id or a canonical_name"),
        ({"concept_id": 2, "canonical_name": "a"}, "line without a concept_id or a canonical_name"),
    ],
)
def test_odd_lines_are_skipped(line, reason, tmp_path):
    concepts, skipped = read(write(tmp_path, GOUT, line), "jsonl")
    assert (list(concepts), skipped) == (["C0018099"], {reason: (1, "a.jsonl line 2")})


def test_a_second_entry_of_an_id_is_merged_into_the_first(tmp_path):
    lines = [
        {"concept_id": "1", "canonical_name": "gout", "types": ["T047"]},
        {"concept_id": "2", "canonical_name": "fever"},
        {"concept_id": "1", "canonical_name": "podagra", "types": ["T184"], "definition": "x"},
    ]
    concepts, skipped = read(write(tmp_path, *lines), "jsonl")
    assert list(concepts.values()) == [
        Concept("1", "gout", ("podagra",), ("T047", "T184"), "x"),
        Concept("2", "fever"),
    ]
    assert skipped == {"duplicate id, merged into its first entry": (1, "a.jsonl line 3")}
