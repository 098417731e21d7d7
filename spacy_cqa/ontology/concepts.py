"""Concepts of an ontology, whatever file they came from, and the report of reading one."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

# How the code systems that coding work needs are spelled in their many sources; others keep their own prefix.
_SYSTEMS = {
    "UMLS": "UMLS",
    "UMLSCUI": "UMLS",
    "CUI": "UMLS",
    "SNOMED": "SNOMEDCT",
    "SNOMEDCT": "SNOMEDCT",
    "SCTID": "SNOMEDCT",
    "SCT": "SNOMEDCT",
    "ICD10": "ICD10",
    "ICD10CM": "ICD10CM",
    "ICD9": "ICD9CM",
    "ICD9CM": "ICD9CM",
    "RXNORM": "RXNORM",
    "RXCUI": "RXNORM",
    "LOINC": "LOINC",
    "LNC": "LOINC",
    "MESH": "MESH",
    "MSH": "MESH",
}


@dataclass(frozen=True)
class Concept:
    """A concept of an ontology.

    id (str): Its id in the ontology, such as a UMLS CUI.
    name (str): Its preferred name.
    aliases (Tuple[str, ...]): Further names, without the preferred one.
    types (Tuple[str, ...]): UMLS semantic types (TUIs).
    definition (Optional[str]): A definition, where there is one.
    xrefs (Mapping[str, Tuple[str, ...]]): Codes by system: UMLS, SNOMEDCT, ICD10CM, RXNORM, LOINC and others.
    """

    id: str
    name: str
    aliases: Tuple[str, ...] = ()
    types: Tuple[str, ...] = ()
    definition: Optional[str] = None
    xrefs: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)

    @property
    def names(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): The preferred name, then the aliases."""
        return (self.name, *self.aliases)


@dataclass
class SourceReport:
    """What reading an ontology kept and skipped. It names lines by number and concepts by id.

    concepts (int): Concepts kept.
    typed (int): Those of them that have a semantic type.
    names (int): Their names.
    xrefs (int): Their cross references.
    skipped (Counter): Lines, names and types left out, by reason.
    examples (Dict[str, str]): For each reason the first place, such as "MRCONSO.RRF line 17".
    """

    concepts: int = 0
    typed: int = 0
    names: int = 0
    xrefs: int = 0
    skipped: Counter = field(default_factory=Counter)
    examples: Dict[str, str] = field(default_factory=dict)

    def skip(self, reason: str, place: str) -> None:
        """Count something left out.

        reason (str): Why, in words that group.
        place (str): Where, for the first of its kind.
        """
        self.skipped[reason] += 1
        self.examples.setdefault(reason, place)

    def keep(self, concept: Concept) -> None:
        """Count a concept that was kept."""
        self.concepts += 1
        self.typed += bool(concept.types)
        self.names += len(concept.names)
        self.xrefs += sum(len(codes) for codes in concept.xrefs.values())

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): The report as plain data."""
        return {
            "concepts": self.concepts,
            "typed": self.typed,
            "names": self.names,
            "xrefs": self.xrefs,
            "skipped": {reason: {"count": n, "first": self.examples[reason]} for reason, n in self.skipped.items()},
        }


def unique(values: Iterable[str]) -> Tuple[str, ...]:
    """RETURNS (Tuple[str, ...]): The values that are not empty, each once, in order."""
    return tuple(dict.fromkeys(value for value in values if value))


def make_concept(
    id: str,
    names: Iterable[str],
    types: Iterable[str] = (),
    definition: Optional[str] = None,
    xrefs: Iterable[Tuple[str, str]] = (),
) -> Concept:
    """Make a concept from raw parts: white space folded, repeats dropped.

    id (str): Its id.
    names (Iterable[str]): Its names, the preferred one first; at least one.
    types (Iterable[str]): TUIs.
    definition (Optional[str]): A definition.
    xrefs (Iterable[Tuple[str, str]]): Systems and codes; the system in any spelling.
    RETURNS (Concept): The concept.
    """
    name, *aliases = unique(" ".join(name.split()) for name in names)
    codes: Dict[str, List[str]] = {}
    for system, code in xrefs:
        known = codes.setdefault(system_name(system), [])
        if code and code not in known:
            known.append(code)
    return Concept(
        id=id,
        name=name,
        aliases=tuple(aliases),
        types=unique(types),
        definition=definition or None,
        xrefs={system: tuple(values) for system, values in codes.items() if values},
    )


def system_name(system: str) -> str:
    """The one name of a code system.

    system (str): A name in any spelling, such as "UMLS_CUI" or "SNOMEDCT_US_2023_03_01".
    RETURNS (str): "UMLS", "SNOMEDCT", "ICD10CM", "RXNORM", "LOINC", ...; an unknown system keeps its name.
    """
    folded = "".join(char for char in system.upper() if char.isalnum())
    if folded.startswith("SNOMEDCT"):
        return "SNOMEDCT"
    return _SYSTEMS.get(folded, system)


def parse_xref(text: str) -> Optional[Tuple[str, str]]:
    """Read a cross reference.

    text (str): Such as "ICD10CM:E11" or "UMLS_CUI:C0011860".
    RETURNS (Optional[Tuple[str, str]]): System and code, None where it is no such pair, or a link.
    """
    system, _, code = text.strip().partition(":")
    system, code = system.strip(), code.strip()
    is_link = code.startswith("//")
    return (system_name(system), code) if system and code and not is_link else None


def merge_concepts(first: Concept, second: Concept) -> Concept:
    """Join two entries of one id; the first one's name and definition are kept.

    first (Concept): The entry that came first.
    second (Concept): A later entry of the same id.
    RETURNS (Concept): One concept with the names, types and codes of both.
    """
    return make_concept(
        first.id,
        [*first.names, *second.names],
        [*first.types, *second.types],
        first.definition or second.definition,
        [(system, code) for concept in (first, second) for system, codes in concept.xrefs.items() for code in codes],
    )
