"""`spacy cqa convert`: data to .spacy or JSON, with a report of what was repaired and dropped."""

from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Optional

import typer

from ._util import one_clear_error, progress, write_whole

if TYPE_CHECKING:
    from ..training.converters.squad import ConversionReport
    from ..training.records import QARecord

FORMATS = ("squad",)


def convert_cli(
    input_path: Path = typer.Argument(..., metavar="INPUT", help="SQuAD JSON, or .spacy to write back as JSON"),
    output_path: Path = typer.Argument(
        ..., metavar="OUTPUT", help="File to write, .spacy or .json; its ending decides"
    ),
    form: str = typer.Option("squad", "--format", help=f"Form of the input: {', '.join(FORMATS)}"),
    split: Optional[str] = typer.Option(
        None, "--split", help="Shares of train/dev/test by note, as 70/10/20; OUTPUT is then a folder"
    ),
    seed: int = typer.Option(0, "--seed", help="Seed of the split"),
    ending: str = typer.Option(".spacy", "--ending", help="Form of the files of a split, .spacy or .json"),
    report_path: Optional[Path] = typer.Option(None, "--report", help="JSON file for every repair and drop, by id"),
    lang: str = typer.Option("en", "--lang", help="Language whose tokenizer splits the notes"),
) -> None:
    """Convert questions and answers between SQuAD JSON (v1, v2, with our optional keys) and spaCy's binary form.

    Wrong answer offsets are repaired where the text occurs once in the note, else the answer is dropped; all of it is
    counted. Splits keep the questions of a note together.

    Example: python -m spacy cqa convert notes.json corpus --split 70/10/20 --report report.json
    """
    with one_clear_error():
        progress(f"Reading {input_path} ...")
        report = convert(
            input_path,
            output_path,
            form=form,
            split=split,
            seed=seed,
            ending=ending,
            report_path=report_path,
            lang=lang,
        )
        typer.echo(f"Notes {report.notes}, questions {report.questions}, answers {report.answers}")
        for name, counts in (("Repaired", report.repaired), ("Dropped", report.dropped)):
            for reason, count in counts.most_common():
                typer.echo(f"{name} {count}: {reason}")
        typer.echo(f"Answers that begin or end inside a token: {report.cut_tokens} (their raw text is kept)")


def convert(
    input_path: Path,
    output_path: Path,
    *,
    form: str = "squad",
    split: Optional[str] = None,
    seed: int = 0,
    ending: str = ".spacy",
    report_path: Optional[Path] = None,
    lang: str = "en",
) -> "ConversionReport":
    """Convert a file; see `convert_cli`.

    RETURNS (ConversionReport): What was kept, repaired and dropped.
    RAISES (ValueError): E030 to E034: the input cannot be read, or an option is not usable. Nothing is written then.
    """
    import spacy
    import srsly

    from ..training.converters.squad import ConversionReport
    from ..training.splits import parse_shares, split_notes

    if form not in FORMATS:
        raise ValueError(f"Unknown format {form!r}. Known: {', '.join(FORMATS)}.")
    report = ConversionReport()
    nlp = spacy.blank(lang)
    shares = parse_shares(split) if split else None
    target_endings = [ending] if shares else [output_path.suffix]
    _check_endings(target_endings, output_path)
    records = _read(input_path, nlp, report)
    parts: Dict[Path, List[QARecord]] = {output_path: records}
    if shares:
        named = split_notes(records, shares, seed=seed)
        parts = {output_path / f"{name}{ending}": notes for name, notes in named.items()}
    for path, notes in parts.items():
        _write(path, notes, nlp, report)
    if report_path is not None:
        write_whole(report_path, lambda file: srsly.write_json(file, report.to_dict()))
    return report


def _check_endings(endings: List[str], path: Path) -> None:
    from ..errors import Errors

    if any(ending not in (".spacy", ".json") for ending in endings):
        raise ValueError(Errors.E033.format(path=path))


def _read(path: Path, nlp, report: "ConversionReport") -> List["QARecord"]:
    from ..training.converters.squad import read_squad
    from ..training.corpus import read_docs
    from ..training.records import doc_to_record

    if path.suffix != ".spacy":
        return list(read_squad(path, report))
    records = [doc_to_record(doc) for doc in read_docs(path, nlp)]
    report.notes = len(records)
    report.questions = sum(len(record.questions) for record in records)
    report.answers = sum(len(question.answers) for record in records for question in record.questions)
    return records


def _write(path: Path, records: List["QARecord"], nlp, report: "ConversionReport") -> None:
    import json

    from spacy.tokens import DocBin
    from tqdm import tqdm

    from ..training.converters.squad import records_to_squad
    from ..training.records import cuts_token, record_to_doc

    if path.suffix == ".json":
        # The standard library keeps every digit of a soft label, srsly ten.
        text = json.dumps(records_to_squad(records), indent=1, ensure_ascii=False) + "\n"
        write_whole(path, lambda file: file.write_text(text, encoding="utf8"))
        return
    docbin = DocBin(store_user_data=True)
    for record in tqdm(records, desc=path.name, unit="note", disable=None):
        doc = record_to_doc(record, nlp.make_doc)
        report.cut_tokens += sum(cuts_token(doc, answer) for q in record.questions for answer in q.answers)
        docbin.add(doc)
    write_whole(path, docbin.to_disk)
