"""The UMLS Metathesaurus in Rich Release Format: the META folder that MetamorphoSys writes.

Form: UMLS Reference Manual, chapter 3.
"""

import sys
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, NamedTuple, Sequence, Set, Tuple

from ..concepts import Concept, SourceReport, make_concept
from ._entries import keep_concepts, known_types, types_option
from ._lines import Place, find_file, find_files, read_lines

_FOLDERS = (".", "META")
# Sources whose codes coding work needs. Other sources come in through `sources`, for their names.
_CODED = frozenset({"SNOMEDCT_US", "ICD10CM", "ICD10", "RXNORM", "LNC", "MSH"})


class _Name(NamedTuple):
    """What counts of a row of MRCONSO; `flagged` is the preferred form of the preferred term."""

    cui: str
    language: str
    flagged: bool
    source: str
    code: str
    text: str


@dataclass(slots=True)
class _Entry:
    """A kept concept. Its lists are texts joined by the bar, which no field holds: a list of texts takes far more."""

    names: str = ""
    codes: str = ""
    types: str = ""
    definition: str = ""


def read_umls(
    folder: Path,
    *,
    languages: Sequence[str] = ("ENG",),
    sources: Sequence[str] = (),
    types: Sequence[str] = (),
    definitions: bool = True,
    report: SourceReport,
) -> Iterator[Concept]:
    """Read a UMLS release: MRCONSO.RRF, MRSTY.RRF and, where it is there, MRDEF.RRF, each plain or as .gz.

    Each file is read once, line by line; the rows of a concept must stand together in MRCONSO, as they are released.
    Memory holds the names, codes, types and definitions of the concepts that are kept and nothing of the others: it
    grows with what the filters let pass, not with the release. The preferred name is the one that the release prefers
    in the first language, else the first name. The CUI, and codes of SNOMED CT, ICD-10-CM, ICD-10, RxNorm, LOINC and
    MeSH, become cross references, whatever `sources` and `languages` are. Suppressible rows are counted as skipped;
    what a filter leaves out is not counted.

    folder (Path): The folder of the files, or the one above META.
    languages (Sequence[str]): Languages of the names, such as "ENG"; () for all.
    sources (Sequence[str]): Source vocabularies of the names, such as "SNOMEDCT_US"; () for all.
    types (Sequence[str]): Semantic types, one of which a concept must have: TUIs, names or categories; () for all.
    definitions (bool): Read definitions: the first that is of no other language's source.
    report (SourceReport): Filled with what was kept and skipped.
    YIELDS (Concept): Concepts in the order of their names.
    RAISES (ValueError): E032, E050 to E052, E055: a file is missing or no UTF-8, a type is unknown, nothing is left.
    """
    wanted = set(types_option("types", types))
    names_path, types_path = find_files(folder, ("MRCONSO.RRF", "MRSTY.RRF"), below=_FOLDERS)
    definitions_path = find_file(folder, "MRDEF.RRF", below=_FOLDERS) if definitions else None

    def concepts() -> Iterator[Concept]:
        entries, foreign = _read_names(names_path, languages, sources, report)
        _read_types(types_path, entries, report)
        if wanted:
            for cui in [cui for cui, entry in entries.items() if wanted.isdisjoint(entry.types.split("|"))]:
                del entries[cui]
        if definitions_path is not None:
            _read_definitions(definitions_path, entries, foreign, report)
        yield from _concepts(entries)

    yield from keep_concepts(concepts(), path=folder, form="umls", report=report)


def _read_names(
    path: Path, languages: Sequence[str], sources: Sequence[str], report: SourceReport
) -> Tuple[Dict[str, _Entry], Set[str]]:
    """The concepts that have a name of these languages and sources, and the sources of other languages only."""
    entries: Dict[str, _Entry] = {}
    own: Set[str] = set()
    foreign: Set[str] = set()
    for cui, group in groupby(_name_rows(path, report), key=attrgetter("cui")):
        rows = list(group)
        spoken = [row for row in rows if not languages or row.language in languages]
        own.update(row.source for row in spoken)
        foreign.update(row.source for row in rows)
        names = [row for row in spoken if not sources or row.source in sources]
        if names or cui in entries:
            names.sort(key=lambda row: not (row.flagged and (not languages or row.language == languages[0])))
            codes = (f"{row.source}:{row.code}" for row in rows if row.source in _CODED and row.code != "NOCODE")
            entry = entries.setdefault(cui, _Entry())
            entry.names = _join(entry.names, (row.text for row in names))
            entry.codes = _join(entry.codes, codes)
    return entries, foreign - own


def _name_rows(path: Path, report: SourceReport) -> Iterator[_Name]:
    pick = itemgetter(0, 1, 2, 4, 6, 11, 13, 14, 16)
    for place, row in _rows(path, 18, report):
        cui, language, term, form, is_preferred, source, code, text, suppress = pick(row)
        if suppress != "N":
            report.skip("suppressible row", place)
        elif not cui or not text.strip():
            report.skip("row without an id or a name", place)
        else:
            yield _Name(cui, language, (term, form, is_preferred) == ("P", "PF", "Y"), source, code, text)


def _read_types(path: Path, entries: Dict[str, _Entry], report: SourceReport) -> None:
    for place, row in _rows(path, 6, report):
        entry = entries.get(row[0])
        if entry is not None:
            found = known_types([row[1]], place, report=report)
            entry.types = sys.intern(_join(entry.types, found))  # a few hundred texts stand for millions


def _read_definitions(path: Path, entries: Dict[str, _Entry], foreign: Set[str], report: SourceReport) -> None:
    for place, row in _rows(path, 8, report):
        cui, source, text, suppress = itemgetter(0, 4, 5, 6)(row)
        entry = entries.get(cui)
        if entry is None or entry.definition or source in foreign:
            continue
        if suppress != "N":
            report.skip("suppressible row", place)
        else:
            entry.definition = text.strip()


def _rows(path: Path, width: int, report: SourceReport) -> Iterator[Tuple[Place, List[str]]]:
    for place, line in read_lines(path, report=report):
        row = line.removesuffix("|").split("|")  # a bar ends each field, also the last
        if len(row) == width:
            yield place, row
        else:
            report.skip("row with more or fewer fields than its file has", place)


def _join(old: str, new: Iterable[str]) -> str:
    return "|".join(dict.fromkeys([*(old.split("|") if old else []), *new]))


def _concepts(entries: Dict[str, _Entry]) -> Iterator[Concept]:
    for cui in list(entries):
        entry = entries.pop(cui)  # so that a caller who keeps the concepts does not hold them twice
        codes = [code.partition(":")[::2] for code in entry.codes.split("|") if code]
        names, types = entry.names.split("|"), entry.types.split("|")
        yield make_concept(cui, names, types, entry.definition, [("UMLS", cui), *codes])
