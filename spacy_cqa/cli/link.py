"""`spacy cqa link`: give a trained pipeline a linker, fitted on development data."""

from pathlib import Path
from typing import TYPE_CHECKING, Optional

import typer

from ._util import check_replaceable, find_component, load_pipeline, one_clear_error, progress

if TYPE_CHECKING:
    from ..training.linking import FittedWeight

CATEGORY_SOURCES = ("reader", "mixed", "ontology")


def link_cli(
    model: str = typer.Argument(..., help="Folder or installed name of a trained pipeline"),
    output: Path = typer.Argument(..., help="Folder for the new pipeline: new, empty, or one that this command wrote"),
    kb: str = typer.Option(..., "--kb", help="Knowledge base: a folder, or umls, mesh, rxnorm, hpo, go"),
    dev: Optional[Path] = typer.Option(None, "--dev", help="Development data to fit the weight of the evidence on"),
    category_source: str = typer.Option(
        "mixed", "--categories", help=f"Where categories come from: {', '.join(CATEGORY_SOURCES)}"
    ),
    threshold: float = typer.Option(0.7, "--threshold", help="Least similarity of an answer to a concept's name"),
) -> None:
    """Add `clinical_qa_linker` to a trained pipeline: answers then bear the id of a concept, and their categories take
    its semantic types into account, with a weight fitted on development data. The pipeline given is left as it is.

    Example: python -m spacy cqa link training/model-best training/linked --kb kb/starter --dev corpus/dev.spacy
    """
    with one_clear_error():
        fitted = link(model, output, kb=kb, dev=dev, category_source=category_source, threshold=threshold)
        if fitted is not None:
            accuracy, without = fitted.accuracies[fitted.weight], fitted.accuracies[0.0]
            typer.echo(f"Weight {fitted.weight:g}: category accuracy {accuracy:.1%}, without evidence {without:.1%}")
        typer.echo(f"Wrote {output}")


def link(
    model: str,
    output: Path,
    *,
    kb: str,
    dev: Optional[Path] = None,
    category_source: str = "mixed",
    threshold: float = 0.7,
) -> Optional["FittedWeight"]:
    """Add a linker to a pipeline; see `link_cli`.

    RETURNS (Optional[FittedWeight]): The fitted weight, None without development data or where nothing is mixed.
    RAISES (ValueError): The pipeline, the knowledge base or the data cannot be read, or an option is not usable.
        Nothing is written then.
    """
    from ..files import whole_outputs
    from ..training.linking import add_linker, fit_linker_weight

    if dev is not None and category_source != "mixed":
        raise ValueError(f"--dev fits the weight of --categories mixed; with {category_source} leave it out.")
    check_replaceable(output, lambda names: {"meta.json", "config.cfg", "clinical_qa_linker"} <= names)
    progress(f"Loading {model} ...")
    nlp = load_pipeline(model)
    key = find_component(nlp).spans_key
    linker = add_linker(nlp, kb, category_source=category_source, threshold=threshold, spans_key=key)
    len(linker.kb)  # read it now: a wrong name should be an error before anything else is done
    fitted = None
    if dev is not None:
        progress(f"Fitting the weight on {dev} ...")
        fitted = fit_linker_weight(nlp, linker, dev)
    with whole_outputs(output) as folder:
        nlp.to_disk(folder)
    return fitted
