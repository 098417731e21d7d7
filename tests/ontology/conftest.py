"""A small knowledge base: enough concepts for ties, shared names, every category and none."""

from pathlib import Path

import pytest

from spacy_cqa.cli.kb import build
from spacy_cqa.ontology.concepts import make_concept
from spacy_cqa.ontology.kb import KnowledgeBase, build_kb

from ..conftest import ROOT, SHARED_DATA

STARTER = ROOT / "assets" / "ontology"

CONCEPTS = [
    make_concept(
        "C01",
        ["hypertension", "Hypertension", "HTN", "high blood pressure"],
        ["T047"],
        "High.",
        [("ICD10CM", "I10")],
    ),
    make_concept("C02", ["type 2 diabetes mellitus", "T2DM", "diabetes"], ["T047"], xrefs=[("ICD10CM", "E11")]),
    make_concept("C03", ["metformin", "Glucophage"], ["T121"], xrefs=[("RXNORM", "6809"), ("UMLS", "C0025598")]),
    make_concept("C04", ["cough", "coughing"], ["T184"]),
    make_concept("C05", ["chest X-ray", "CXR"], ["T060"]),
    make_concept("C06", ["white blood cell count", "WBC"], ["T059"]),
    make_concept("C07", ["blood pressure", "BP"], ["T201"]),
    make_concept("C08", ["myocardial infarction", "MI", "heart attack"], ["T047"]),
    make_concept("C09", ["mitral insufficiency", "MI"], ["T190"]),
    make_concept("C10", ["common cold", "cold"], ["T047"]),
    make_concept("C11", ["feeling cold", "cold"], ["T184"]),
    make_concept("C12", ["left knee"], ["T023"]),
    make_concept("C13", ["Sjögren's syndrome", "sicca syndrome"], ["T047"]),
    make_concept("C14", ["appendectomy", "appendicectomy"], ["T061"]),
    make_concept("C15", ["anxiety"], ["T048"]),
    make_concept("C16", ["glucose", "blood sugar"], ["T123", "T121"]),
    make_concept("C17", ["MI"], ["T080"]),
]


def make_kb(folder: Path) -> Path:
    """Write the small knowledge base.

    RETURNS (Path): Its folder.
    """
    build_kb(CONCEPTS, folder, meta={"source": "tests"})
    return folder


@pytest.fixture(scope="session")
def kb_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small knowledge base on disk. Tests must not change it."""
    return make_kb(tmp_path_factory.mktemp("kb") / "small")


@pytest.fixture(scope="session")
def kb(kb_path: Path) -> KnowledgeBase:
    """The small knowledge base."""
    return KnowledgeBase(kb_path)


@pytest.fixture(scope="session")
def starter_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Knowledge base of the starter ontology's symptoms: some thousand names."""
    folder = tmp_path_factory.mktemp("starter") / "symptoms"
    build(STARTER / "symptoms.tsv", folder, form="table")
    return folder


@pytest.fixture(scope="session")
def doid(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    """The Disease Ontology, built by the command's function."""
    source = SHARED_DATA / "doid"
    if not source.exists():
        pytest.skip("the development data is not beside the checkout")
    folder = tmp_path_factory.mktemp("doid") / "kb"
    build(source, folder, form="doid")
    return KnowledgeBase(folder)
