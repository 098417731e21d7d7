"""Concepts as JSON lines, in the form of scispaCy's knowledge bases, with codes."""

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..concepts import Concept, SourceReport, make_concept
from ._entries import fold_duplicates, keep_concepts, known_types
from ._lines import Place, check_file, read_lines

_KEYS = ("concept_id", "canonical_name", "aliases", "types", "definition", "xrefs")


def read_jsonl(path: Path, *, report: SourceReport) -> Iterator[Concept]:
    """Read one concept per line: `concept_id`, `canonical_name` and, as far as they are there, `aliases`, `types`,
    `definition` and `xrefs`, a dict of system -> codes. Codes in an xrefs.jsonl beside it, as in a knowledge base of
    ours, are taken too.

    path (Path): The file, plain or compressed by gzip.
    report (SourceReport): Filled with what was kept and skipped.
    YIELDS (Concept): Concepts in order, after all were read.
    RAISES (ValueError): E032, E050 to E052: the file is missing or no UTF-8, or has no concept.
    """
    check_file(path, "a file of JSON lines, such as concepts.jsonl")
    entries = _entries(path, report)
    yield from keep_concepts(fold_duplicates(entries, report=report), path=path, form="jsonl", report=report)


def _entries(path: Path, report: SourceReport) -> Iterator[Tuple[Place, Concept]]:
    beside = _codes_beside(path, report)
    for place, line in read_lines(path, report=report):
        data = _load(line)
        if data is None:
            report.skip("line that is no JSON object", place)
            continue
        concept_id, name = _text(data.get("concept_id")), _text(data.get("canonical_name"))
        if not concept_id or not name:
            report.skip("line without a concept_id or a canonical_name", place)
            continue
        for key in data.keys() - set(_KEYS):
            report.skip("unknown key", f"{place}, {key!r}")
        aliases = _texts(data.get("aliases"), "aliases", place, report)
        types = known_types(_texts(data.get("types"), "types", place, report), place, report=report)
        xrefs = _xrefs(data.get("xrefs"), place, report) or beside.get(concept_id, [])
        yield place, make_concept(concept_id, [name, *aliases], types, _text(data.get("definition")), xrefs)


def _codes_beside(path: Path, report: SourceReport) -> Dict[str, List[Tuple[str, str]]]:
    """The codes of a knowledge base of ours, which are in a file of their own."""
    file = path.with_name("xrefs.jsonl")
    if not file.is_file() or file == path:
        return {}
    rows = ((place, _load(line) or {}) for place, line in read_lines(file, report=report))
    return {_text(row.get("id")): _xrefs(row.get("xrefs"), place, report) for place, row in rows}


def _load(line: str) -> Optional[Dict[str, Any]]:
    try:
        data = json.loads(line)
        if "\\u" in line:
            json.dumps(data, ensure_ascii=False).encode()  # half of a surrogate pair is valid JSON but no text
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _texts(value: Any, key: str, place: Place, report: SourceReport) -> List[str]:
    if value is None or (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        return value or []
    report.skip(f"{key} that are no list of texts", place)
    return []


def _xrefs(value: Any, place: Place, report: SourceReport) -> List[Tuple[str, str]]:
    if value is None or isinstance(value, dict):
        by_system = {system: _texts(codes, "xrefs", place, report) for system, codes in (value or {}).items()}
        return [(system, code.strip()) for system, codes in by_system.items() if system for code in codes]
    report.skip("xrefs that are no dict of lists", place)
    return []
