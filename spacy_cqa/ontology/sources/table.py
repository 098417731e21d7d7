"""Tables of concepts of one's own: CSV or TSV with a header, one concept per row."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

from ...errors import Errors
from ..concepts import Concept, SourceReport, make_concept
from ._entries import fold_duplicates, keep_concepts, known_types, known_xrefs, type_option
from ._lines import Place, check_file, read_rows

_ENDINGS = ("*.tsv", "*.csv", "*.tsv.gz", "*.csv.gz")


@dataclass(frozen=True)
class TableColumns:
    """Names of the columns, in any case. Several joined by "|" are tried in turn. The first two must be there, and
    every one that is named otherwise than by default.

    id (str): The concept's id.
    name (str): Its preferred name.
    synonyms (str): Further names.
    type (str): Semantic types: TUIs, their names or categories.
    xrefs (str): Cross references, such as "ICD10CM:E11".
    definition (str): A definition.
    """

    id: str = "id"
    name: str = "name"
    synonyms: str = "synonyms"
    type: str = "type|types"
    xrefs: str = "xrefs"
    definition: str = "definition"


def read_table(
    path: Path,
    *,
    columns: TableColumns = TableColumns(),
    separator: str = "|",
    default_type: Optional[str] = None,
    report: SourceReport,
) -> Iterator[Concept]:
    """Read a table, or all the tables of a folder by name.

    path (Path): A file of comma- or tab-separated values, or a folder of files named .tsv or .csv; plain or compressed
        by gzip.
    columns (TableColumns): Names of the columns.
    separator (str): What separates several synonyms, types or cross references in a cell.
    default_type (Optional[str]): Semantic type of a row without one: a TUI, a name or a category.
    report (SourceReport): Filled with what was kept and skipped.
    YIELDS (Concept): Concepts in order, after all were read.
    RAISES (ValueError): E032, E050 to E053, E055: a file is missing, no UTF-8 or without the columns, an option is not
        usable, or there is no concept.
    """
    default = [type_option("default_type", default_type)] if default_type else []
    if not separator:
        raise ValueError(Errors.E055.format(option="separator", value=separator, expected="a text such as '|'"))
    entries = (
        entry
        for file in _files(path)
        for entry in _entries(file, columns=columns, separator=separator, default=default, report=report)
    )
    yield from keep_concepts(fold_duplicates(entries, report=report), path=path, form="table", report=report)


def _files(path: Path) -> List[Path]:
    if not path.is_dir():
        check_file(path, "a .tsv or .csv file, or a folder of them")
        return [path]
    files = sorted(file for ending in _ENDINGS for file in path.glob(ending))
    if not files:
        problem, expected = "it has no table", "files named .tsv or .csv"
        raise ValueError(Errors.E050.format(path=path, problem=problem, expected=expected))
    return files


def _entries(
    path: Path, *, columns: TableColumns, separator: str, default: List[str], report: SourceReport
) -> Iterator[Tuple[Place, Concept]]:
    for place, cells in read_rows(path, asdict(columns), required=_required(columns), report=report):
        if not cells["id"] or not cells["name"]:
            report.skip("row without an id or a name", place)
            continue
        parts = _split(cells, separator)
        types = known_types(parts["type"], place, report=report) or default
        xrefs = known_xrefs(parts["xrefs"], place, report=report)
        yield place, make_concept(cells["id"], [cells["name"], *parts["synonyms"]], types, cells["definition"], xrefs)


def _required(columns: TableColumns) -> List[str]:
    """The first two, and any that somebody named: a misspelt one should not pass for a missing one."""
    usual = asdict(TableColumns())
    return ["id", "name", *(key for key, name in asdict(columns).items() if name != usual[key])]


def _split(cells: Dict[str, str], separator: str) -> Dict[str, List[str]]:
    parts = {key: cells[key].split(separator) for key in ("synonyms", "type", "xrefs")}
    return {key: [part for part in found if part.strip()] for key, found in parts.items()}
