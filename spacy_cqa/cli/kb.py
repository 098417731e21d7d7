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
    default_type: Optional[str] = typer.Option(None, "--default-type", help="obo, table: type of untyped concepts"),
    id_column: str = typer.Option("id", "--id-column", help="table: column of the ids"),
    name_column: str = typer.Option("name", "--name-column", help="table: column of the preferred names"),
    synonyms_column: str = typer.Option("synonyms", "--synonyms-column", help="table: column of further names"),
    types_column: str = typer.Option("types", "--types-column", help="table: column of TUIs or categories"),
    xrefs_column: str = typer.Option("xrefs", "--xrefs-column", help="table: column of codes, as ICD10CM:E11"),
    separator: str = typer.Option("|", "--separator", help="table: what separates values in a cell"),
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
        options = _source_options(
            form,
            languages=tuple(languages) or ("ENG",),
            sources=tuple(sources),
            types=tuple(types),
            default_type=default_type,
            columns=(id_column, name_column, synonyms_column, types_column, xrefs_column),
            separator=separator,
        )
        info, report = build(source, output, form=form, abbreviations=abbreviations, options=options)
        if report_path is not None:
            import srsly

            write_whole(report_path, lambda file: srsly.write_json(file, report.to_dict()))
        typer.echo(f"{output}: {info['concepts']} concepts, {info['names']} names, {report.xrefs} codes")
        for reason, count in report.skipped.most_common():
            typer.echo(f"Skipped {count}: {reason} (first: {report.examples[reason]})")
        progress(f"Peak memory {_peak_memory_mb()} MB")


def _source_options(
    form: str, *, default_type: Optional[str], columns: Tuple[str, ...], separator: str, **umls: Any
) -> Dict[str, Any]:
    """The options that a form of source takes."""
    from ..ontology.sources.table import TableColumns

    if form == "umls":
        return umls
    if form == "obo":
        return {"default_type": default_type}
    if form == "table":
        return {"columns": TableColumns(*columns), "separator": separator, "default_type": default_type}
    return {}


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


def _peak_memory_mb() -> int:
    import resource  # not on Windows
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1024 * 1024 if sys.platform == "darwin" else 1024)
