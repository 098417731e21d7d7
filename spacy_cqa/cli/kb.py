"""`spacy cqa kb`: an ontology file to a knowledge base that the linker reads."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, List, Optional, Tuple

import typer

from ._util import one_clear_error, progress, write_whole

if TYPE_CHECKING:
    from ..ontology.concepts import Concept, SourceReport

FORMATS = ("umls", "obo", "table", "doid", "jsonl")


def kb_cli(
    source: Path = typer.Argument(..., help="The ontology: a file, or a folder (umls, doid, table)"),
    output: Path = typer.Argument(..., help="Folder to write, new or holding a knowledge base"),
    form: str = typer.Option("table", "--format", help=f"Form of the source: {', '.join(FORMATS)}"),
    languages: List[str] = typer.Option([], "--language", help="umls: languages to keep, ENG by default"),
    sources: List[str] = typer.Option([], "--source", help="umls: vocabularies to keep, such as SNOMEDCT_US; all"),
    types: List[str] = typer.Option([], "--type", help="umls: semantic types to keep, such as T047; all"),
    definitions: Optional[bool] = typer.Option(None, "--definitions/--no-definitions", help="umls: read MRDEF.RRF"),
    default_type: Optional[str] = typer.Option(None, "--default-type", help="obo, table: type of untyped concepts"),
    roots: List[str] = typer.Option([], "--root", help="obo: TERM=TYPE, the type of a term and of all below it"),
    scopes: List[str] = typer.Option(
        [], "--scope", help="obo: scopes of synonyms to keep, EXACT and NARROW by default"
    ),
    id_column: Optional[str] = typer.Option(None, "--id-column", help="table: column of the ids, else id"),
    name_column: Optional[str] = typer.Option(None, "--name-column", help="table: of the preferred names, else name"),
    synonyms_column: Optional[str] = typer.Option(
        None, "--synonyms-column", help="table: of further names, else synonyms"
    ),
    types_column: Optional[str] = typer.Option(
        None, "--types-column", help="table: of TUIs or categories, else type(s)"
    ),
    xrefs_column: Optional[str] = typer.Option(
        None, "--xrefs-column", help="table: of codes, as ICD10CM:E11, else xrefs"
    ),
    separator: Optional[str] = typer.Option(None, "--separator", help="table: what separates values in a cell, else |"),
    abbreviations: bool = typer.Option(
        True, "--abbreviations/--no-abbreviations", help="Add clinical abbreviations, as COPD, to names that have one"
    ),
    report_path: Optional[Path] = typer.Option(None, "--report", help="JSON file for what was kept and skipped"),
) -> None:
    """Build a knowledge base from an ontology: concepts in scispacy's form, their codes, and the index over the names.

    Example: python -m spacy cqa kb assets/ontology kb/starter
    Example: python -m spacy cqa kb /umls/2025AB/META kb/umls --format umls --source SNOMEDCT_US --source RXNORM
    """
    with one_clear_error():
        columns = {"id": id_column, "name": name_column, "synonyms": synonyms_column}
        columns.update(type=types_column, xrefs=xrefs_column)
        options = source_options(
            languages=tuple(languages),
            sources=tuple(sources),
            types=tuple(types),
            definitions=definitions,
            default_type=default_type,
            roots=_parse_roots(roots),
            scopes=tuple(scope.upper() for scope in scopes),
            columns={name: column for name, column in columns.items() if column},
            separator=separator,
        )
        if report_path is not None and output.resolve() in report_path.resolve().parents:
            raise ValueError(
                f"--report {report_path} lies in OUTPUT, which holds a knowledge base alone. Put it beside."
            )
        info, report = build(source, output, form=form, abbreviations=abbreviations, options=options)
        if report_path is not None:
            import srsly

            write_whole(report_path, lambda file: srsly.write_json(file, report.to_dict()))
        typer.echo(f"{output}: {info['concepts']} concepts, {info['names']} names, {report.xrefs} codes")
        for reason, count in report.skipped.most_common():
            typer.echo(f"Skipped {count}: {reason} (first: {report.examples[reason]})")
        if not report.typed:
            progress("No concept has a semantic type, so categories cannot follow from them: give a type.")
        progress(_peak_memory())


def source_options(*, columns: Dict[str, str], **given: Any) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): The options that were given, as the readers take them; one that the form of the source
    does not know is refused by `read_source`."""
    from ..ontology.sources.table import TableColumns

    options = {name: value for name, value in given.items() if value not in (None, (), {})}
    return {**options, "columns": TableColumns(**columns)} if columns else options


def _parse_roots(values: List[str]) -> Dict[str, str]:
    roots = {term: tui for term, _, tui in (value.rpartition("=") for value in values)}
    if not all(term and tui for term, tui in roots.items()):
        raise ValueError("--root takes TERM=TYPE, such as DOID:4=T047.")
    return roots


def build(
    source: Path, output: Path, *, form: str, abbreviations: bool = True, options: Optional[Dict[str, Any]] = None
) -> Tuple[Dict[str, Any], "SourceReport"]:
    """Build a knowledge base; see `kb_cli`. It is written under another name and put in place when it is complete.

    RETURNS (Tuple[Dict[str, Any], SourceReport]): What its meta.json holds, and what was kept and skipped.
    RAISES (ValueError): E050 to E055: the source cannot be read, or an option is not usable; E066: OUTPUT holds
        something else. Nothing is written then.
    """
    from ..files import whole_outputs
    from ..ontology.concepts import SourceReport
    from ..ontology.kb import build_kb, check_is_replaceable
    from ..ontology.names import add_abbreviations
    from ..ontology.sources import read_source

    check_is_replaceable(output)
    report = SourceReport()
    progress(f"Reading {source} ...")
    concepts: Iterable[Concept] = read_source(source, form, report=report, **(options or {}))
    if abbreviations:
        concepts = add_abbreviations(concepts)
    with whole_outputs(output) as folder:
        info = build_kb(_with_progress(concepts), folder, meta={"source": form}, progress=progress)
    return info, report


def _with_progress(concepts: Iterable["Concept"]) -> Iterator["Concept"]:
    from tqdm import tqdm

    return iter(tqdm(concepts, desc="Concepts", unit="", disable=None))


def _peak_memory() -> str:
    import sys

    if sys.platform == "win32":
        return "Peak memory is not known on Windows"
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"Peak memory {peak // (1024 * 1024 if sys.platform == 'darwin' else 1024)} MB"
