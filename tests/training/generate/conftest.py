"""What the tests of the generator share."""

from typing import List

import pytest

from spacy_cqa.training.generate.stream import generate
from spacy_cqa.training.records import QARecord

from .notes import written_note


@pytest.fixture(scope="session")
def records() -> List[QARecord]:
    """Two thousand questions on synthetic notes and on a written one."""
    return list(generate(2000, seed=7, written=[written_note()], written_share=0.1))
