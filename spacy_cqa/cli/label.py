"""`spacy cqa label`: weak category labels for the answers of any corpus."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

import typer

from ._util import one_clear_error, progress, write_whole

if TYPE_CHECKING:
    from ..training.labelling import LabelReport

SOURCES = ("concept", "pattern", "value")


def label_cli(
    data: Path = typer.Argument(..., help="SQuAD JSON or .spacy"),
    output: Path = typer.Argument(..., help="File to write, .spacy or .json; its ending decides"),
    kb: str = typer.Option(..., "--kb", help="Knowledge base: a folder, or umls, mesh, rxnorm, hpo, go"),
    sources: List[str] = typer.Option([], "--source", help=f"Sources to use, in order: {', '.join(SOURCES)}; all"),
    threshold: float = typer.Option(0.7, "--threshold", help="Least similarity of an answer to a concept's name"),
    partial: bool = typer.Option(
        True, "--partial/--no-partial", help="Look for names inside answers, which keeps a table of all names"
    ),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace labels given by hand too"),
    report_path: Optional[Path] = typer.Option(
        None, "--report", help="JSON: what was labelled, and how well it agrees with hand labels"
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON instead of a table"),
    lang: str = typer.Option("en", "--lang", help="Language whose tokenizer splits the notes"),
) -> None:
    """Label answers by the semantic types of the concepts that they link to, soft where these disagree; then by typed
    patterns (doses, routes, frequencies, values, vital signs); none where nothing is known. Labels given by hand stay,
    and the agreement with them is measured for each source and for their union.

    Example: python -m spacy cqa label notes.json labelled.spacy --kb kb/starter --report agreement.json
    """
    with one_clear_error():
        import srsly

        report, compared = label(
            data,
            output,
            kb=kb,
            sources=sources or list(SOURCES),
            threshold=threshold,
            partial=partial,
            overwrite=overwrite,
            lang=lang,
        )
        result = {**compared, "questions": report.to_dict()}
        if report_path is not None:
            write_whole(report_path, lambda file: srsly.write_json(file, result))
        if as_json:
            typer.echo(srsly.json_dumps(result, indent=2))
            return
        for source, count in report.labelled.most_common():
            typer.echo(f"Labelled {count} questions by {source}")
        typer.echo(f"Kept {report.kept} labels as they were; {report.none} questions have none")
        if compared["union"]["answers"]:
            typer.echo(agreement_tables(compared))


def label(
    data: Path,
    output: Path,
    *,
    kb: str,
    sources: List[str],
    threshold: float = 0.7,
    partial: bool = True,
    overwrite: bool = False,
    lang: str = "en",
) -> Tuple["LabelReport", Dict[str, Any]]:
    """Label a file; see `label_cli`.

    RETURNS (Tuple[LabelReport, Dict[str, Any]]): What was done, and the agreement with labels given by hand.
    RAISES (ValueError): The data or the knowledge base cannot be read, or an option is not usable. Nothing is written
        then.
    """
    import spacy
    from tqdm import tqdm

    from ..ontology.kb import KnowledgeBase
    from ..ontology.labels import WeakLabeller
    from ..ontology.mentions import LinkSettings
    from ..training.corpus import read_docs
    from ..training.labelling import LabelReport, agreement, label_records
    from ..training.records import doc_to_record
    from ..training.writing import check_ending, write_records

    unknown = [source for source in sources if source not in SOURCES]
    if unknown:
        raise ValueError(f"Unknown source {unknown[0]!r}. Known: {', '.join(SOURCES)}.")
    if not 0 <= threshold <= 1:
        raise ValueError(f"--threshold is {threshold}, but must be a number from 0 to 1.")
    check_ending(output)
    nlp = spacy.blank(lang)
    records = [doc_to_record(doc) for doc in read_docs(data, nlp)]
    settings = LinkSettings(threshold=threshold, partial=partial)
    labeller = WeakLabeller(KnowledgeBase(kb), settings=settings, sources=sources)
    progress(f"Reading {kb} ...")
    compared = agreement(records, labeller)
    report = LabelReport()
    labelled = label_records(records, labeller, overwrite=overwrite, report=report)
    write_records(output, list(tqdm(labelled, total=len(records), desc="Labelling", unit="note", disable=None)), nlp)
    return report, compared


def agreement_tables(compared: Dict[str, Any]) -> str:
    """RETURNS (str): Agreement by source, and the confusion of their union, as tables for a terminal."""
    from wasabi import table

    from .evaluate import percent

    rows = [
        (name, str(row["labelled"]), percent(row["coverage"]), percent(row["accuracy"]), percent(row["ece"]))
        for name, row in compared.items()
    ]
    header = ("Source", "Labelled", "Coverage", "Agreement", "ECE")
    text = table(rows, header=header, divider=True, aligns=("l", "r", "r", "r", "r"))
    confusion = compared["union"]["confusion"]
    counts = [(gold, *[str(count) for count in row.values()]) for gold, row in confusion.items()]
    return text + table(
        counts, header=("By hand \\ weak", *confusion), divider=True, aligns=("l", "r", "r", "r", "r", "r")
    )
