"""`spacy cqa generate`: notes and questions without end, for training."""

from pathlib import Path
from typing import TYPE_CHECKING, Iterator, Optional, Tuple

import typer

from ._util import one_clear_error

if TYPE_CHECKING:
    from ..training.records import QARecord


def generate_cli(
    output: Path = typer.Argument(
        ..., help="File to write, .spacy or .json; its ending decides; a folder with --shard"
    ),
    questions: int = typer.Option(10_000, "--questions", min=1, help="How many questions"),
    seed: int = typer.Option(0, "--seed", help="The same seed gives the same questions"),
    per_note: int = typer.Option(12, "--per-note", min=1, help="Most questions of a note"),
    notes: Optional[Path] = typer.Option(
        None, "--notes", help="Written notes with entities to ask about as well, JSON: a training split"
    ),
    written_share: float = typer.Option(
        0.5, "--written-share", min=0, max=1, help="Share of written notes, while they last; the others are synthetic"
    ),
    shard: int = typer.Option(
        0, "--shard", min=0, help="Write a folder of .spacy files of at most so many questions, in bounded memory"
    ),
    lang: str = typer.Option("en", "--lang", help="Language whose tokenizer splits the notes"),
) -> None:
    """Generate notes with questions: question patterns over the annotated entities of written notes, and over synthetic
    notes from a grammar, with answers, categories and soft labels.

    Example: python -m spacy cqa generate generated.spacy --questions 20000 --seed 1 --notes assets/corpus/train.json
    """
    with one_clear_error():
        counts = generate(
            output,
            questions,
            seed=seed,
            per_note=per_note,
            notes=notes,
            written_share=written_share,
            shard=shard,
            lang=lang,
        )
        typer.echo(f"Wrote {counts[1]} questions on {counts[0]} notes to {output}")


def generate(
    output: Path,
    n_questions: int,
    *,
    seed: int = 0,
    per_note: int = 12,
    notes: Optional[Path] = None,
    written_share: float = 0.5,
    shard: int = 0,
    lang: str = "en",
) -> Tuple[int, int]:
    """Write a file of generated questions; see `generate_cli`.

    RETURNS (Tuple[int, int]): How many notes and questions were written.
    RAISES (ValueError): The notes are missing, no training split or without entities, the ending of the output is
        unknown, or something else is in its place. Nothing is written then.
    """
    import spacy
    from tqdm import tqdm

    from ..files import whole_outputs
    from ..training.converters.squad import read_squad
    from ..training.generate.stream import generate as stream
    from ..training.writing import check_output, write_parts

    check_output(output, shard=shard)
    written = list(read_squad(notes)) if notes is not None else []
    records = stream(n_questions, seed=seed, per_note=per_note, written=written, written_share=written_share)
    counts = [0, 0]
    with tqdm(total=n_questions, desc="Generating", unit="question", disable=None) as bar:

        def counted() -> Iterator[Tuple[str, "QARecord"]]:
            for record in records:
                counts[0] += 1
                counts[1] += len(record.questions)
                bar.update(len(record.questions))
                yield "", record

        with whole_outputs(output) as scratch:
            write_parts(counted(), {"": scratch}, spacy.blank(lang), shard=shard)
    return counts[0], counts[1]
