"""Ontologies in OBO form, 1.2 and 1.4, such as the Human Phenotype Ontology, Mondo or the Disease Ontology.

Form: OBO Flat File Format 1.4 Syntax and Semantics (owlcollab.github.io/oboformat/doc/obo-syntax.html).
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Collection, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ...errors import Errors
from ..concepts import Concept, SourceReport, make_concept
from ._entries import count_cycles, fold_duplicates, inherit_types, keep_concepts, known_xrefs, type_option
from ._lines import Place, check_file, read_lines

SCOPES = ("EXACT", "NARROW", "BROAD", "RELATED")

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(\w*)')
# What may follow an unquoted value: modifiers in braces and a comment.
_TRAILING = re.compile(r"(?:\s+\{[^{}]*=[^{}]*\})?(?:(?:^|\s+)!(?:\s.*)?)?$")
_ESCAPED = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "W": " "}

_Stanza = Dict[str, List[str]]


class _Term(NamedTuple):
    place: Place
    concept: Concept
    parents: List[str]


def read_obo(
    path: Path,
    *,
    default_type: Optional[str] = None,
    roots: Optional[Mapping[str, str]] = None,
    scopes: Sequence[str] = ("EXACT", "NARROW"),
    report: SourceReport,
) -> Iterator[Concept]:
    """Read the terms of an OBO file; obsolete ones are left out. Earlier ids of a term (alt_id) become cross references
    under their own prefix.

    path (Path): The file, plain or compressed by gzip.
    default_type (Optional[str]): Semantic type of a term that is below no root: a TUI, a name or a category.
    roots (Optional[Mapping[str, str]]): By the id or name of a term the semantic type of it and of all below it, down
        to the next root.
    scopes (Sequence[str]): Scopes of the synonyms to keep, of EXACT, NARROW, BROAD and RELATED.
    report (SourceReport): Filled with what was kept and skipped.
    YIELDS (Concept): Terms in order, after all were read.
    RAISES (ValueError): E032, E050 to E052, E055: the file is missing or no UTF-8, an option is not usable, or the file
        has no term.
    """
    default = [type_option("default_type", default_type)] if default_type else []
    chosen = {term: type_option("roots", name) for term, name in (roots or {}).items()}
    _check_scopes(scopes)
    check_file(path, "a file in OBO form, such as hp.obo")
    entries = _typed(path, scopes, chosen, tuple(default), report)
    yield from keep_concepts(fold_duplicates(entries, report=report), path=path, form="obo", report=report)


def _check_scopes(scopes: Sequence[str]) -> None:
    if not set(scopes) <= set(SCOPES):
        raise ValueError(Errors.E055.format(option="scopes", value=scopes, expected=f"some of {', '.join(SCOPES)}"))


def _typed(
    path: Path, scopes: Collection[str], roots: Mapping[str, str], default: Tuple[str, ...], report: SourceReport
) -> Iterator[Tuple[Place, Concept]]:
    """The terms with their semantic types, which take the whole hierarchy."""
    terms = list(_terms(path, scopes, report))
    parents: Dict[str, List[str]] = {}
    for term in terms:
        parents.setdefault(term.concept.id, []).extend(term.parents)
    count_cycles(parents, path.name, report=report)
    types = inherit_types(parents, _root_ids(terms, roots))
    for place, concept, _ in terms:
        yield place, replace(concept, types=types.get(concept.id, default))


def _root_ids(terms: Sequence[_Term], roots: Mapping[str, str]) -> Dict[str, str]:
    ids = {concept.name: concept.id for _, concept, _ in terms} | {concept.id: concept.id for _, concept, _ in terms}
    for term in roots:
        if term not in ids:
            raise ValueError(
                Errors.E055.format(option="roots", value=term, expected="the id or name of a term of the file")
            )
    return {ids[term]: tui for term, tui in roots.items()}


def _terms(path: Path, scopes: Collection[str], report: SourceReport) -> Iterator[_Term]:
    for place, stanza in _stanzas(path, report):
        term_id, name = (_plain(stanza.get(tag, [""])[0]) for tag in ("id", "name"))
        if stanza.get("is_obsolete", [""])[0].startswith("true"):
            report.skip("obsolete term", place)
        elif not term_id or not name:
            report.skip("term without an id or a name", place)
        else:
            synonyms = _synonyms(stanza.get("synonym", []), scopes, place, report)
            definition = _QUOTED.match(stanza.get("def", [""])[0])
            xrefs = known_xrefs(_first_words(stanza, "xref") + _first_words(stanza, "alt_id"), place, report=report)
            text = _unescape(definition[1]).strip() if definition else None
            concept = make_concept(term_id, [name, *synonyms], definition=text, xrefs=xrefs)
            yield _Term(place, concept, _first_words(stanza, "is_a"))


def _stanzas(path: Path, report: SourceReport) -> Iterator[Tuple[Place, _Stanza]]:
    """The terms of a file as values by tag, and the line that each begins at."""
    start = ""
    stanza: Optional[_Stanza] = None
    for place, line in read_lines(path, report=report):
        if line.startswith("["):
            if stanza is not None:
                yield start, stanza
            start, stanza = place, {} if line.startswith("[Term]") else None
        elif stanza is not None and not line.startswith("!"):
            tag, colon, value = line.partition(":")
            if colon:
                stanza.setdefault(tag.strip(), []).append(value.strip())
            else:
                report.skip("line without a tag", place)
    if stanza is not None:
        yield start, stanza


def _synonyms(values: Sequence[str], scopes: Collection[str], place: Place, report: SourceReport) -> Iterator[str]:
    for value in values:
        found = _QUOTED.match(value)
        if found is None:
            report.skip("synonym without quotes", place)
        elif (found[2] if found[2] in SCOPES else "RELATED") in scopes:  # the form's default
            yield _unescape(found[1])


def _first_words(stanza: _Stanza, tag: str) -> List[str]:
    """Ids and codes: what follows them are descriptions, modifiers and comments."""
    return [_unescape(value.split()[0]) for value in stanza.get(tag, []) if value]


def _plain(value: str) -> str:
    return _unescape(_TRAILING.sub("", value)).strip()


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), text)
