"""The Human Disease Ontology as two tables: diseases with their parents, and cross references."""

from pathlib import Path
from typing import Dict, Iterator, List, Tuple

from ..concepts import Concept, SourceReport, make_concept
from ._entries import count_cycles, inherit_types, keep_concepts, known_xrefs
from ._lines import find_files, read_rows

_DISEASE = ("T047",)
# Branches whose diseases have another semantic type than Disease or Syndrome.
_BRANCHES = {
    "disease of cellular proliferation": "T191",
    "disease of mental health": "T048",
    "physical disorder": "T019",  # the malformations
}


def read_doid(folder: Path, *, report: SourceReport) -> Iterator[Concept]:
    """Read the Disease Ontology: HumanDO.tsv (id, label, subClassOf) and allXREFinDO.tsv (id, label, xref).

    folder (Path): The folder of the two files, each plain or as .gz.
    report (SourceReport): Filled with what was kept and skipped.
    YIELDS (Concept): Diseases in order, each once, whatever the number of its parents.
    RAISES (ValueError): E032, E050 to E053: a file is missing, no UTF-8 or without its columns, or has no disease.
    """
    names_path, xrefs_path = find_files(folder, ("HumanDO.tsv", "allXREFinDO.tsv"))
    yield from keep_concepts(_diseases(names_path, xrefs_path, report), path=folder, form="doid", report=report)


def _diseases(names_path: Path, xrefs_path: Path, report: SourceReport) -> Iterator[Concept]:
    names, parents = _read_names(names_path, report)
    xrefs = _read_xrefs(xrefs_path, names, report)
    count_cycles(parents, names_path.name, report=report)
    types = inherit_types(parents, _BRANCHES)
    for term_id, labels in names.items():
        yield make_concept(term_id, labels, types.get(labels[0], _DISEASE), xrefs=xrefs.get(term_id, []))


def _read_names(path: Path, report: SourceReport) -> Tuple[Dict[str, List[str]], Dict[str, List[str]]]:
    """Labels by id, and labels of parents by label: the file names parents so."""
    names: Dict[str, List[str]] = {}
    parents: Dict[str, List[str]] = {}
    columns = {"id": "id", "label": "label", "parent": "subClassOf"}
    for place, cells in read_rows(path, columns, required=tuple(columns), report=report):
        if not cells["id"] or not cells["label"]:
            report.skip("row without an id or a name", place)
            continue
        names.setdefault(cells["id"], []).append(cells["label"])
        if cells["parent"]:
            parents.setdefault(cells["label"], []).append(cells["parent"])
    return names, parents


def _read_xrefs(path: Path, names: Dict[str, List[str]], report: SourceReport) -> Dict[str, List[Tuple[str, str]]]:
    xrefs: Dict[str, List[Tuple[str, str]]] = {}
    columns = {"id": "id", "xref": "xref"}
    for place, cells in read_rows(path, columns, required=tuple(columns), report=report):
        if cells["id"] in names:
            xrefs.setdefault(cells["id"], []).extend(known_xrefs([cells["xref"]], place, report=report))
        else:
            report.skip("cross reference of an unknown id", place)
    return xrefs
