"""Notes to be converted, each with its part of the split ("" where nothing is split)."""

from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from spacy.language import Language

from ..errors import Errors
from .converters.emrqa import outline_emrqa, read_emrqa
from .converters.preparation import HeldOut, Preparation, hold_out, prepare_record
from .converters.report import ConversionReport
from .converters.squad import read_squad
from .corpus import read_docs
from .records import QARecord, doc_to_record
from .splits import assign_parts, split_notes, text_digest


def stream_squad(
    path: Path, nlp: Language, *, shares: Sequence[float] = (), seed: int = 0, report: ConversionReport
) -> Iterator[Tuple[str, QARecord]]:
    """Read notes in SQuAD form, or what was converted from it.

    path (Path): SQuAD JSON, .spacy, or a folder of .spacy files.
    nlp (Language): Gives the vocabulary of .spacy files.
    shares (Sequence[float]): Share of each part of a split, none for no split.
    seed (int): Seed of the split.
    report (ConversionReport): Filled with what was kept, repaired and dropped.
    YIELDS (Tuple[str, QARecord]): Each note with its part, part by part.
    RAISES (ValueError): E030 to E032.
    """
    records = _load(path, nlp, report)
    parts = split_notes(records, shares, seed=seed) if shares else {"": records}
    for part, notes in parts.items():
        for record in notes:
            yield part, record


def _load(path: Path, nlp: Language, report: ConversionReport) -> List[QARecord]:
    if path.is_dir():
        if next(path.rglob("*.spacy"), None) is None:
            raise ValueError(Errors.E032.format(path=path, form="a folder of .spacy files", problem="it holds none"))
    elif path.suffix != ".spacy":
        return list(read_squad(path, report))
    records = [doc_to_record(doc) for doc in read_docs(path, nlp)]
    report.notes = len(records)
    report.questions = sum(len(record.questions) for record in records)
    report.answers = sum(len(question.answers) for record in records for question in record.questions)
    return records


def stream_emrqa(
    path: Path,
    *,
    shares: Sequence[float] = (),
    seed: int = 0,
    preparation: Optional[Preparation] = None,
    report: ConversionReport,
) -> Iterator[Tuple[str, QARecord]]:
    """Read and prepare notes in emrQA's form, one at a time. A split takes a pass over the file before that.

    path (Path): emrQA's data.json.
    shares (Sequence[float]): Share of each part of a split, none for no split.
    seed (int): Seed of the split.
    preparation (Optional[Preparation]): How the questions are prepared; all are kept by default.
    report (ConversionReport): Filled with what was kept, repaired and dropped.
    YIELDS (Tuple[str, QARecord]): Each note with its part, in the order of the file.
    RAISES (ValueError): E031, E040 to E043.
    """
    settings = preparation or Preparation()
    part_of: Dict[str, str] = {}
    held_out = HeldOut()
    if shares:
        outline = outline_emrqa(path, subsets=settings.subsets)
        part_of = assign_parts(outline.digests, shares, seed=seed)
        held_out = hold_out(settings, outline.templates, outline.question_templates)
    for record in read_emrqa(path, report, subsets=settings.subsets):
        part = part_of.get(text_digest(record.text), "")
        prepared = prepare_record(record, settings, part=part or "train", held_out=held_out, report=report)
        if prepared is not None:
            yield part, prepared
