"""Readers of ontologies, one module per form of file."""

import inspect
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

from ...errors import Errors
from ..concepts import Concept, SourceReport
from .doid import read_doid
from .jsonl import read_jsonl
from .obo import read_obo
from .table import read_table
from .umls import read_umls

READERS: Dict[str, Callable[..., Iterator[Concept]]] = {
    "umls": read_umls,
    "obo": read_obo,
    "table": read_table,
    "doid": read_doid,
    "jsonl": read_jsonl,
}
"""The readers by the name of the form they read."""


def read_source(path: Path, form: str, *, report: SourceReport, **options: Any) -> Iterator[Concept]:
    """Read an ontology in any of the forms.

    path (Path): Its file or folder.
    form (str): Its form, a key of `READERS`.
    report (SourceReport): Filled with what was kept and skipped.
    **options (Any): Options of the form's reader.
    RETURNS (Iterator[Concept]): The concepts; errors of the files come with the first of them.
    RAISES (ValueError): E054: the form or an option of it is unknown.
    """
    if form not in READERS:
        raise ValueError(Errors.E054.format(what="form", value=form, known=", ".join(READERS)))
    known = [name for name in inspect.signature(READERS[form]).parameters if name not in ("path", "folder", "report")]
    for option in options:
        if option not in known:
            what = f"option of the form {form}"
            raise ValueError(Errors.E054.format(what=what, value=option, known=", ".join(known) or "none"))
    return READERS[form](path, report=report, **options)
