"""`spacy cqa export`: a trained model in the form of another library."""

from pathlib import Path
from typing import Set

import typer

from ._util import check_replaceable, find_component, load_pipeline, one_clear_error, progress

FORMATS = ("huggingface",)


def export_cli(
    model: str = typer.Argument(..., help="Folder or installed name of a trained pipeline"),
    output: Path = typer.Argument(..., help="Folder to write: new, empty, or an earlier export"),
    form: str = typer.Option("huggingface", "--format", help=f"Form to write: {', '.join(FORMATS)}"),
) -> None:
    """Write a pipeline's encoder and span head as a Hugging Face checkpoint, which `AutoModelForQuestionAnswering`
    loads. It has no category head: that form has no place for one. The model must have been trained with
    `span_hidden = []` and `separate_layers = 0`.

    Example: python -m spacy cqa export training/model-best exported --format huggingface
    """
    with one_clear_error():
        export(model, output, form=form)
        typer.echo(f"Wrote {output}: encoder and span head. The category head is not in it.")


def export(model: str, output: Path, *, form: str = "huggingface") -> None:
    """Write a pipeline's reader in the form of another library; see `export_cli`.

    RAISES (ValueError): The form is unknown, the pipeline cannot be read, its model has no such form (E070), or the
        output holds something else. Nothing is written then.
    """
    from ..files import whole_outputs
    from ..models.checkpoints import save_checkpoint

    if form not in FORMATS:
        raise ValueError(f"--format is {form!r}. Give one of: {', '.join(FORMATS)}.")
    check_replaceable(output, _is_export)
    progress(f"Loading {model} ...")
    component = find_component(load_pipeline(model))
    with whole_outputs(output) as folder:
        save_checkpoint(component.model, folder)


def _is_export(names: Set[str]) -> bool:
    return {"model.safetensors", "config.json"} <= names and "config.cfg" not in names  # a pipeline has that
