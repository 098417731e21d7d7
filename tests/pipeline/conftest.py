"""A small knowledge base for the linker."""

from pathlib import Path

import pytest

from spacy_cqa.ontology.concepts import make_concept
from spacy_cqa.ontology.kb import build_kb

# (id, names, types): T047 is a diagnosis, T121 a medication, T184 a symptom, T059 a laboratory test, T061 a procedure;
# T073, a manufactured object, has no category.
CONCEPTS = [
    ("C01", ["Pneumonia", "Community acquired pneumonia"], ["T047"]),
    ("C02", ["Hypertension", "High blood pressure"], ["T047"]),
    ("C03", ["Chronic obstructive pulmonary disease"], ["T047"]),
    ("C04", ["Migraine"], ["T047", "T184"]),
    ("C05", ["Azithromycin"], ["T121"]),
    ("C06", ["Lisinopril"], ["T121"]),
    ("C07", ["Metformin"], ["T121"]),
    ("C08", ["Metformin hydrochloride"], ["T121"]),
    ("C09", ["Fever", "Pyrexia"], ["T184"]),
    ("C10", ["Leukocyte count", "WBC"], ["T059"]),
    ("C11", ["Thoracentesis"], ["T061"]),
    ("C12", ["Walking cane"], ["T073"]),
    ("C13", ["Common cold", "Cold"], ["T047"]),
    ("C14", ["Cold", "Cold sensation"], ["T184"]),
]


@pytest.fixture(scope="session")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a knowledge base of fourteen concepts. Tests must not change it."""
    folder = tmp_path_factory.mktemp("kb") / "small"
    build_kb([make_concept(*concept) for concept in CONCEPTS], folder)
    return folder
