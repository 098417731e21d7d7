"""What the commands share: one clear error on bad input, and files that appear whole or not at all."""

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Iterator, Set

import typer

if TYPE_CHECKING:
    from spacy.language import Language

    from ..pipeline.clinical_qa import ClinicalQA


@contextmanager
def one_clear_error() -> Iterator[None]:
    """Turn an expected error into its message on stderr and exit code 1, without a traceback."""
    try:
        yield
    except (ValueError, OSError, ImportError) as error:  # spaCy raises the last for a language that it lacks
        print_error(str(error))
        raise typer.Exit(1) from error


def print_error(message: str) -> None:
    """Print an error on stderr, where results do not go."""
    sys.stderr.write(f"\n✘ {message}\n")


def progress(message: str) -> None:
    """Print progress on stderr."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under a temporary name beside it, then rename it.

    path (Path): The file; its folder is made.
    write (Callable[[Path], object]): Writes to the path it is given.
    """
    from ..files import whole_file

    with whole_file(path) as scratch:
        write(scratch)


def check_replaceable(folder: Path, is_ours: Callable[[Set[str]], bool]) -> None:
    """Let a folder be written only where nothing of somebody else's is lost.

    folder (Path): The folder to write: new, empty, or an earlier output of the same command.
    is_ours (Callable[[Set[str]], bool]): Whether files and folders of these names are such an output.
    RAISES (ValueError): E044, if it is a file, or holds something else.
    """
    from ..errors import Errors
    from ..files import is_replaceable

    if not is_replaceable(folder, is_ours):
        raise ValueError(Errors.E044.format(path=folder))


def load_pipeline(model: str, use_gpu: int = -1) -> "Language":
    """Load a pipeline that has the component.

    model (str): A folder, or the name of an installed package.
    use_gpu (int): Id of the GPU, -1 for the CPU.
    RETURNS (Language): The pipeline.
    RAISES (ValueError): It cannot be loaded, or has no `clinical_qa`.
    """
    import spacy

    if use_gpu >= 0:
        spacy.require_gpu(use_gpu)
    try:
        nlp = spacy.load(model)
    except OSError as error:
        raise ValueError(
            f"No pipeline in {model}: give the folder of a trained pipeline, such as training/model-best, "
            "or the name of an installed one."
        ) from error
    if "clinical_qa" not in nlp.pipe_factories.values():
        raise ValueError(f"The pipeline {model} has no component clinical_qa, but only {nlp.pipe_names}.")
    return nlp


def find_component(nlp: "Language") -> "ClinicalQA":
    """RETURNS (ClinicalQA): The component of a pipeline that `load_pipeline` gave, whatever its name."""
    names = (name for name, factory in nlp.pipe_factories.items() if factory == "clinical_qa")
    return nlp.get_pipe(next(names))  # type: ignore[return-value]
