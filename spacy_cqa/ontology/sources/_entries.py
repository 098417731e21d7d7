"""What the readers share between the lines of a file and the concepts they hand on."""

from collections import deque
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Mapping, Sequence, Tuple

from ...errors import Errors
from ...types import CATEGORIES
from ..concepts import Concept, SourceReport, merge_concepts, parse_xref, unique
from ..semantic_types import find_type, semantic_types
from ._lines import Place


def keep_concepts(concepts: Iterable[Concept], *, path: Path, form: str, report: SourceReport) -> Iterator[Concept]:
    """Count the concepts of a source.

    concepts (Iterable[Concept]): Its concepts.
    path (Path): The source, for the message.
    form (str): Its form, for the message.
    report (SourceReport): Counts them.
    YIELDS (Concept): The concepts.
    RAISES (ValueError): E052: there is none.
    """
    before = report.skipped.copy()
    empty = True
    for concept in concepts:
        empty = False
        report.keep(concept)
        yield concept
    if empty:
        skipped = report.skipped - before
        reasons = [f"{count} x {reason} (first: {report.examples[reason]})" for reason, count in skipped.items()]
        raise ValueError(Errors.E052.format(path=path, form=form, skipped="; ".join(reasons) or "nothing"))


def fold_duplicates(entries: Iterable[Tuple[Place, Concept]], *, report: SourceReport) -> Iterator[Concept]:
    """Merge entries of one id into the first of them.

    entries (Iterable[Tuple[Place, Concept]]): Where an entry stands, and its concept.
    report (SourceReport): Counts the merged entries.
    YIELDS (Concept): One concept per id, in the order of first entries, after all were read.
    """
    found: Dict[str, Concept] = {}
    for place, concept in entries:
        if concept.id in found:
            report.skip("duplicate id, merged into its first entry", place)
            concept = merge_concepts(found[concept.id], concept)
        found[concept.id] = concept
    yield from found.values()


def known_types(texts: Iterable[str], place: Place, *, report: SourceReport) -> List[str]:
    """Find the semantic types that texts name.

    texts (Iterable[str]): TUIs, names of types or categories.
    place (Place): Where they stand.
    report (SourceReport): Counts those that name no type.
    RETURNS (List[str]): The TUIs of the others.
    """
    found = []
    for text in texts:
        tui = find_type(text)
        if tui is None:
            report.skip("unknown semantic type", place)
        else:
            found.append(tui)
    return found


def known_xrefs(texts: Iterable[str], place: Place, *, report: SourceReport) -> List[Tuple[str, str]]:
    """Read cross references.

    texts (Iterable[str]): Such as "ICD10CM:E11".
    place (Place): Where they stand.
    report (SourceReport): Counts those of another form.
    RETURNS (List[Tuple[str, str]]): Systems and codes of the others.
    """
    found = []
    for text in texts:
        xref = parse_xref(text)
        if xref is None:
            report.skip("cross reference that is not SYSTEM:CODE", place)
        else:
            found.append(xref)
    return found


def type_option(option: str, value: str) -> str:
    """Read a semantic type that the user chose.

    option (str): Name of the option, for the message.
    value (str): A TUI, a type's name or a category.
    RETURNS (str): The TUI.
    RAISES (ValueError): E055: it names no type.
    """
    tui = find_type(value)
    if tui is None:
        expected = f"a TUI such as T047, the name of a semantic type, or one of {', '.join(CATEGORIES)}"
        raise ValueError(Errors.E055.format(option=option, value=value, expected=expected))
    return tui


def types_option(option: str, values: Iterable[str]) -> List[str]:
    """Read the semantic types that a filter lets pass; see `type_option`.

    RETURNS (List[str]): The TUIs; for a category those of all its types.
    """
    names = {category.casefold(): category for category in CATEGORIES}
    found: List[str] = []
    for value in values:
        category = names.get(value.strip().casefold())
        of_category = [tui for tui, known in semantic_types().items() if known.category == category]
        found.extend(of_category or [type_option(option, value)])
    return found


def inherit_types(parents: Mapping[str, Sequence[str]], roots: Mapping[str, str]) -> Dict[str, Tuple[str, ...]]:
    """Hand semantic types down a hierarchy. A root keeps its own type, whatever stands above it.

    parents (Mapping[str, Sequence[str]]): By term the terms right above it.
    roots (Mapping[str, str]): By term the TUI of it and of all below it.
    RETURNS (Dict[str, Tuple[str, ...]]): TUIs of the roots and of the terms below one, in the order of the roots.
    """
    children: Dict[str, List[str]] = {}
    for term, above in parents.items():
        for parent in above:
            children.setdefault(parent, []).append(term)
    types: Dict[str, List[str]] = {}
    for root, tui in roots.items():
        seen, queue = {root}, deque([root])
        while queue:
            term = queue.popleft()
            types.setdefault(term, []).append(tui)
            below = [child for child in unique(children.get(term, ())) if child not in seen and child not in roots]
            seen.update(below)
            queue.extend(below)
    return {term: unique(tuis) for term, tuis in types.items()}


def count_cycles(parents: Mapping[str, Sequence[str]], file: str, *, report: SourceReport) -> None:
    """Count the links that close a cycle: as many as must go until no term is above itself.

    parents (Mapping[str, Sequence[str]]): By term the terms right above it.
    file (str): Name of the file, for the report.
    report (SourceReport): Counts them.
    """
    graph = {term: set(above) for term, above in parents.items()}
    while True:
        try:
            TopologicalSorter(graph).prepare()
            return
        except CycleError as error:
            parent, child = error.args[1][:2]
            graph[child].discard(parent)
            report.skip("link to a parent that closes a cycle", f"{file} {child}")
