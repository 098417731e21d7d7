"""The semantic types of the UMLS and the category that an answer of each type has; the table is semantic_types.tsv.

Types and groups: UMLS Semantic Network (127 types since 2013AB) and McCray, Burgun and Bodenreider, 2001, for the 15
groups. The categories are those of 'Clinical QA 2.0' (arXiv 2502.13108); `also` and `reason` mark the disputed ones.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Dict, Iterable, Mapping, Optional

from ..categories import Distribution, average, soft_label


@dataclass(frozen=True)
class SemanticType:
    """A semantic type.

    tui (str): Its id, such as "T047".
    name (str): Its name.
    group (str): Its semantic group.
    category (str): The category of an answer of this type, "" for none of the five.
    also (str): A further category that is defensible, "" for none.
    reason (str): Why, where it is disputed.
    """

    tui: str
    name: str
    group: str
    category: str
    also: str
    reason: str


@lru_cache(maxsize=1)
def semantic_types() -> Mapping[str, SemanticType]:
    """RETURNS (Mapping[str, SemanticType]): All 127 types by TUI."""
    table = resources.files(__package__).joinpath("semantic_types.tsv")
    with table.open(encoding="utf8") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["tui"]: SemanticType(**row) for row in rows}


def find_type(text: str) -> Optional[str]:
    """Find the semantic type that a text names.

    text (str): A TUI, a type's name or one of the five categories, in any case.
    RETURNS (Optional[str]): The TUI, None if it names no type.
    """
    return _types_by_text().get(text.strip().lower())


@lru_cache(maxsize=1)
def _types_by_text() -> Dict[str, str]:
    known = {category.lower(): tui for category, tui in _TYPE_OF_CATEGORY.items()}
    for tui, semantic_type in semantic_types().items():
        known[tui.lower()] = known[semantic_type.name.lower()] = tui
    return known


# The type that stands for a category where a table of one's own names no more than that.
_TYPE_OF_CATEGORY = {
    "Diagnosis": "T047",
    "Medication": "T121",
    "Symptoms": "T184",
    "Procedure": "T061",
    "Lab Reports": "T059",
}


def type_weights(tuis: Iterable[str]) -> Optional[Distribution]:
    """Category evidence of a concept: the mean over those of its types that have a category.

    tuis (Iterable[str]): Its types.
    RETURNS (Optional[Distribution]): Five weights that sum to 1, None where no type has a category.
    """
    known = [semantic_types()[tui] for tui in tuis if tui in semantic_types()]
    labels = [soft_label(found.category, [found.also]) for found in known]
    return average([label for label in labels if label is not None])
