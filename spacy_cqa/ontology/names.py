"""Names of concepts and texts of notes in one form, and the clinical abbreviations that ontologies leave out."""

import csv
import re
import unicodedata
from functools import lru_cache
from importlib import resources
from typing import Dict, Iterable, Iterator, List, Mapping, Tuple

from .concepts import Concept, make_concept

MAX_NAME_WORDS = 8  # longer names are not looked for inside a text

_WORD = re.compile(r"[^\W_](?:[^\W_]|[\u0300-\u036f])*")  # an accent may stand apart from its letter
_SIBILANTS = ("sses", "shes", "tches", "nches", "xes")


def normalize_name(text: str) -> str:
    """RETURNS (str): The words of a text in lower case, without accents, in the singular, one space between them."""
    return " ".join(word for word, _, _ in words_of(text))


def words_of(text: str) -> List[Tuple[str, int, int]]:
    """RETURNS (List[Tuple[str, int, int]]): The words of a text as `normalize_name` has them, with their offsets."""
    return [(_singular(_fold(match.group())), *match.span()) for match in _WORD.finditer(text)]


def _fold(word: str) -> str:
    if word.isascii():
        return word.lower()
    letters = unicodedata.normalize("NFD", word.lower())
    return "".join(char for char in letters if not unicodedata.combining(char))


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(_SIBILANTS):
        return word[:-2]
    # Latin and Greek names end in -us, -is, -ss in the singular.
    regular = len(word) > 3 and word.endswith("s") and word[-2] not in "sui"
    return word[:-1] if regular else word


def add_abbreviations(concepts: Iterable[Concept]) -> Iterator[Concept]:
    """Give concepts the clinical abbreviations of their names, such as "COPD", where the source has only the names.

    concepts (Iterable[Concept]): The concepts.
    YIELDS (Concept): Each concept, with further aliases where one of its names has an abbreviation in the table.
    """
    table = clinical_abbreviations()
    for concept in concepts:
        short = [form for name in concept.names for form in table.get(normalize_name(name), ())]
        if short:
            names = [*concept.names, *short]
            codes = [(system, code) for system, codes in concept.xrefs.items() for code in codes]
            yield make_concept(concept.id, names, concept.types, concept.definition, codes)
        else:
            yield concept


@lru_cache(maxsize=1)
def clinical_abbreviations() -> Mapping[str, Tuple[str, ...]]:
    """RETURNS (Mapping[str, Tuple[str, ...]]): Abbreviations by the normalised name that they stand for."""
    table = resources.files(__package__).joinpath("abbreviations.tsv")
    with table.open(encoding="utf8") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    found: Dict[str, List[str]] = {}
    for row in rows:
        found.setdefault(normalize_name(row["name"]), []).extend(row["abbreviations"].split("|"))
    return {name: tuple(forms) for name, forms in found.items()}
