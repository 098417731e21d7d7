"""`spacy cqa convert`: data to .spacy or JSON, with a report of what was repaired and dropped."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

import typer

from ._util import one_clear_error, progress, write_whole

if TYPE_CHECKING:
    from spacy.language import Language

    from ..training.converters.preparation import Preparation
    from ..training.converters.report import ConversionReport
    from ..training.records import QARecord

FORMATS = ("squad", "emrqa")
USUAL_SPLIT = "70/10/20"


def convert_cli(
    input_path: Path = typer.Argument(
        ..., metavar="INPUT", help="JSON of the form named by --format, or .spacy to write back as JSON"
    ),
    output_path: Path = typer.Argument(
        ...,
        metavar="OUTPUT",
        help="File to write, .spacy or .json; its ending decides; a folder with --split, --shard",
    ),
    form: str = typer.Option("squad", "--format", help=f"Form of the input: {', '.join(FORMATS)}"),
    to: str = typer.Option("squad", "--to", help="Form of a JSON output: squad, or emrqa for trying its path"),
    split: Optional[str] = typer.Option(
        None, "--split", help="Shares of train/dev/test by note, as 70/10/20; OUTPUT is then a folder"
    ),
    seed: int = typer.Option(0, "--seed", help="Seed of the split and of every other choice"),
    ending: str = typer.Option(".spacy", "--ending", help="Form of the files of a split, .spacy or .json"),
    shard: int = typer.Option(
        0,
        "--shard",
        min=0,
        help="Most questions of a .spacy file; OUTPUT, or each part, is then a folder of them",
    ),
    report_path: Optional[Path] = typer.Option(None, "--report", help="JSON file for repairs and drops, by id"),
    lang: str = typer.Option("en", "--lang", help="Language whose tokenizer splits the notes"),
    usual: bool = typer.Option(
        False,
        "--usual",
        help="emrQA's usual preparation: medication and relations, evidence, no complex answers, 20 "
        "words, 20 and 5 % of the training questions, split 70/10/20; the other options override it",
    ),
    subset: Optional[List[str]] = typer.Option(None, "--subset", help="Subset of emrQA to read; repeat for several"),
    evidence: bool = typer.Option(False, "--evidence", help="The answer is its evidence line (emrQA)"),
    drop_complex: bool = typer.Option(False, "--drop-complex", help="Drop answers of several parts (emrQA)"),
    max_words: Optional[int] = typer.Option(None, "--max-words", help="Longest answer in words, 0 for any (emrQA)"),
    sample: Optional[List[str]] = typer.Option(
        None, "--sample", help="Share of a subset's training questions, as medication=0.2; repeat for several (emrQA)"
    ),
    paraphrases: Optional[int] = typer.Option(
        None, "--paraphrases", help="Most paraphrases of a question, 0 for all (emrQA)"
    ),
    hold_out_templates: Optional[float] = typer.Option(
        None, "--hold-out-templates", help="Share of the logical forms that only dev and test have (emrQA)"
    ),
    hold_out_paraphrases: Optional[float] = typer.Option(
        None, "--hold-out-paraphrases", help="Share of the question templates that only dev and test have (emrQA)"
    ),
    noise: float = typer.Option(0.0, "--noise", min=0, max=1, help="Share of answers with each flaw (--to emrqa)"),
    repeat: int = typer.Option(1, "--repeat", min=1, help="How often to write each question (--to emrqa)"),
) -> None:
    """Convert questions and answers between JSON and spaCy's binary form.

    JSON is SQuAD v1 or v2, with our optional keys, or emrQA's data.json, which is read and written note by note. Wrong
    answer offsets are repaired where the place is clear, else the answer is dropped; all of it is counted. Splits keep
    the questions of a note together.

    Example: python -m spacy cqa convert notes.json corpus --split 70/10/20 --report report.json

    Example: python -m spacy cqa convert data.json corpus --format emrqa --usual --shard 20000
    """
    with one_clear_error():
        options = {
            "subsets": tuple(subset) if subset else None,
            "evidence_answers": evidence or None,
            "drop_complex": drop_complex or None,
            "max_answer_words": max_words,
            "sample": _sample(sample) if sample else None,
            "paraphrases": paraphrases,
            "held_out_templates": hold_out_templates,
            "held_out_paraphrases": hold_out_paraphrases,
        }
        preparation = _preparation(usual, seed, options)
        progress(f"Reading {input_path} ...")
        report = convert(
            input_path,
            output_path,
            form=form,
            to=to,
            split=split or (USUAL_SPLIT if usual else None),
            seed=seed,
            ending=ending,
            shard=shard,
            preparation=preparation,
            noise=noise,
            repeat=repeat,
            report_path=report_path,
            lang=lang,
        )
        _print_report(report)


def _print_report(report: "ConversionReport") -> None:
    typer.echo(f"Notes {report.notes}, questions {report.questions}, answers {report.answers}")
    for name, counts in (("Repaired", report.repaired), ("Dropped", report.dropped)):
        for reason, count in counts.most_common():
            typer.echo(f"{name} {count}: {reason}")
    typer.echo(f"Answers that begin or end inside a token: {report.cut_tokens} (their raw text is kept)")


def _sample(given: Sequence[str]) -> Dict[str, float]:
    shares = {}
    for text in given:
        subset, _, share = text.partition("=")
        try:
            shares[subset] = float(share)
        except ValueError:
            raise ValueError(f"--sample is {text!r}, but must be a subset and a share, as medication=0.2.") from None
    return shares


def _preparation(usual: bool, seed: int, options: Dict[str, Any]) -> Optional["Preparation"]:
    """The preparation that the options ask for, None where they ask for none."""
    from dataclasses import replace

    from ..training.converters.preparation import USUAL, Preparation

    chosen = {name: value for name, value in options.items() if value is not None}
    if not usual and not chosen:
        return None
    base = USUAL if usual else Preparation()
    return replace(base, **{**chosen, "sample": {**base.sample, **chosen.get("sample", {})}, "seed": seed})


def convert(
    input_path: Path,
    output_path: Path,
    *,
    form: str = "squad",
    to: str = "squad",
    split: Optional[str] = None,
    seed: int = 0,
    ending: str = ".spacy",
    shard: int = 0,
    preparation: Optional["Preparation"] = None,
    noise: float = 0.0,
    repeat: int = 1,
    report_path: Optional[Path] = None,
    lang: str = "en",
) -> "ConversionReport":
    """Convert a file; see `convert_cli`.

    RETURNS (ConversionReport): What was kept, repaired and dropped.
    RAISES (ValueError): E030 to E034, E040 to E044: the input cannot be read, or an option is not usable. Nothing is
        written then.
    """
    import spacy
    import srsly
    from tqdm import tqdm

    from ..training.converters.report import ConversionReport
    from ..training.splits import SPLIT_NAMES, parse_shares

    _check_forms(form, to)
    _check_conflicts(form, to, split, ending, shard, preparation, noise, repeat)
    shares = parse_shares(split) if split else []
    parts = SPLIT_NAMES[len(shares)] if shares else ("",)
    outputs = [_output_of(part, output_path, ending, shard) for part in parts]
    _check_outputs(outputs, output_path, to, shard)
    report = ConversionReport()
    nlp = spacy.blank(lang)
    read = _read_emrqa if form == "emrqa" else _read_squad
    notes = tqdm(
        read(input_path, nlp, shares, seed, preparation, report), desc=output_path.name, unit="note", disable=None
    )
    with _appears_whole(outputs, output_path) as scratch:
        if to == "emrqa":
            _write_emrqa(notes, scratch, seed, noise, repeat)
        else:
            _write(notes, {part: _output_of(part, scratch, ending, shard) for part in parts}, nlp, shard, report)
    if report_path is not None:
        write_whole(report_path, lambda file: srsly.write_json(file, report.to_dict()))
    return report


def _check_forms(*forms: str) -> None:
    for form in forms:
        if form not in FORMATS:
            raise ValueError(f"Unknown format {form!r}. Known: {', '.join(FORMATS)}.")


def _check_conflicts(
    form: str,
    to: str,
    split: Optional[str],
    ending: str,
    shard: int,
    preparation: Optional["Preparation"],
    noise: float,
    repeat: int,
) -> None:
    prepares, makes = preparation is not None, to == "emrqa"
    holds_out = preparation is not None and preparation.holds_out
    conflicts = (
        (prepares and form != "emrqa", "--usual and the options of a preparation are for emrQA: add --format emrqa."),
        (holds_out and not split, "Templates can be held out of a split only: add --split 70/10/20."),
        (makes and (split or shard), "--to emrqa writes one file: leave out --split and --shard."),
        (not makes and (noise or repeat > 1), "--noise and --repeat are for making a file: add --to emrqa."),
        (shard and split and ending != ".spacy", "--shard writes .spacy files: leave out --ending."),
    )
    for found, message in conflicts:
        if found:
            raise ValueError(message)


# Outputs that appear whole or not at all ------------------------------------------------------------------------------


def _output_of(part: str, root: Path, ending: str, shard: int) -> Path:
    """The file of a part, or its folder of shards; the root itself where there is no split."""
    if not part:
        return root
    return root / (part if shard else f"{part}{ending}")


def _check_outputs(outputs: Sequence[Path], root: Path, to: str, shard: int) -> None:
    from ..errors import Errors

    allowed = (".json",) if to == "emrqa" else (".spacy", ".json")
    split = list(outputs) != [root]
    for path in outputs:
        if not shard and path.suffix not in allowed:
            raise ValueError(Errors.E033.format(path=path))
        foreign = [child for child in path.iterdir() if not _is_shard(child)] if path.is_dir() else []
        if path.exists() and (path.is_dir() != bool(shard) or foreign):
            raise ValueError(Errors.E044.format(path=path))
    if split and root.is_file():
        raise ValueError(Errors.E044.format(path=root))


def _is_shard(path: Path) -> bool:
    return path.suffix == ".spacy" and path.stem.isdigit()


@contextmanager
def _appears_whole(outputs: Sequence[Path], root: Path) -> Iterator[Path]:
    """Give a path to write at in place of the root; its outputs are moved to theirs when all are written."""
    import os
    import shutil
    import tempfile

    # Beside the output, or where its folders will be, so that moving is renaming and an error leaves no folder behind.
    beside = next(parent for parent in root.absolute().parents if parent.is_dir())
    hidden = Path(tempfile.mkdtemp(prefix=f".{root.name}.", dir=beside))
    scratch = hidden / root.name
    try:
        if list(outputs) != [root]:
            scratch.mkdir()
        yield scratch
        for number, path in enumerate(outputs):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():  # a folder of shards cannot be replaced by renaming alone
                path.rename(hidden / f"old-{number}")
            os.replace(scratch / path.relative_to(root), path)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


# Reading --------------------------------------------------------------------------------------------------------------


def _read_squad(
    path: Path,
    nlp: "Language",
    shares: List[float],
    seed: int,
    preparation: Optional["Preparation"],
    report: "ConversionReport",
) -> Iterator[Tuple[str, "QARecord"]]:
    """Each note with its part of the split, part by part."""
    from ..training.splits import split_notes

    records = _load_squad(path, nlp, report)
    parts = split_notes(records, shares, seed=seed) if shares else {"": records}
    for part, notes in parts.items():
        for record in notes:
            yield part, record


def _load_squad(path: Path, nlp: "Language", report: "ConversionReport") -> List["QARecord"]:
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


def _read_emrqa(
    path: Path,
    nlp: "Language",
    shares: List[float],
    seed: int,
    preparation: Optional["Preparation"],
    report: "ConversionReport",
) -> Iterator[Tuple[str, "QARecord"]]:
    """Each prepared note with its part of the split, in the order of the file. A split takes a pass before it."""
    from ..training.converters.emrqa import outline_emrqa, read_emrqa
    from ..training.converters.preparation import HeldOut, Preparation, hold_out, prepare_record
    from ..training.splits import assign_parts, text_digest

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


# Writing --------------------------------------------------------------------------------------------------------------


def _write_emrqa(notes: Iterable[Tuple[str, "QARecord"]], path: Path, seed: int, noise: float, repeat: int) -> None:
    from ..training.converters.emrqa_writer import Noise, write_emrqa

    write_emrqa((record for _, record in notes), path, seed=seed, noise=Noise.of_rate(noise), repeat=repeat)


def _write(
    notes: Iterable[Tuple[str, "QARecord"]],
    paths: Dict[str, Path],
    nlp: "Language",
    shard: int,
    report: "ConversionReport",
) -> None:
    writers = {
        part: _JsonWriter(path) if path.suffix == ".json" else _SpacyWriter(path, nlp, shard, report)
        for part, path in paths.items()
    }
    for part, record in notes:
        writers[part].add(record)
    for writer in writers.values():
        writer.close()


class _SpacyWriter:
    """Writes a .spacy file, or a folder of numbered ones of at most `shard` questions."""

    def __init__(self, path: Path, nlp: "Language", shard: int, report: "ConversionReport"):
        self.path = path
        self.nlp = nlp
        self.shard = shard
        self.report = report
        self.n_written = 0
        self._start()

    def _start(self) -> None:
        from spacy.tokens import DocBin

        self.docbin = DocBin(store_user_data=True)
        self.n_questions = 0

    def add(self, record: "QARecord") -> None:
        """Add a note; one of more questions than a shard takes is written several times, with some questions each."""
        from dataclasses import replace

        size = self.shard or len(record.questions) or 1
        for start in range(0, len(record.questions) or 1, size):
            piece = replace(record, questions=record.questions[start : start + size])
            if self.shard and self.n_questions and self.n_questions + len(piece.questions) > self.shard:
                self._flush()
            self._add(piece)

    def _add(self, record: "QARecord") -> None:
        from ..training.records import cuts_token, record_to_doc

        with self.nlp.memory_zone():  # else the vocabulary keeps the id of every question of a large file
            doc = record_to_doc(record, self.nlp.make_doc)
            self.report.cut_tokens += sum(cuts_token(doc, a) for q in record.questions for a in q.answers)
            self.docbin.add(doc)
        self.n_questions += len(record.questions)

    def _flush(self) -> None:
        self.n_written += 1
        path = self.path / f"{self.n_written:05d}.spacy" if self.shard else self.path
        path.parent.mkdir(exist_ok=True)
        self.docbin.to_disk(path)
        self._start()

    def close(self) -> None:
        """Write what is left; the first file even if it is empty, so that every output exists."""
        if len(self.docbin) or not self.n_written:
            self._flush()


class _JsonWriter:
    """Writes a SQuAD file, one article at a time."""

    def __init__(self, path: Path):
        self.path = path
        self.article: List[QARecord] = []
        self.n_written = 0

    def add(self, record: "QARecord") -> None:
        """Add a note to the article that it belongs to."""
        number = record.meta.get("article")
        if self.article and (number is None or number != self.article[-1].meta.get("article")):
            self._flush()
        self.article.append(record)

    def _flush(self) -> None:
        import json

        from ..training.converters.squad import records_to_squad

        data = records_to_squad(self.article)
        articles = data.pop("data")
        with self.path.open("a", encoding="utf8") as file:
            if not self.n_written:
                file.write(json.dumps(data, indent=1, ensure_ascii=False)[:-2] + ',\n "data": [')
            for article in articles:
                # The standard library keeps every digit of a soft label, srsly ten.
                text = json.dumps(article, indent=1, ensure_ascii=False).replace("\n", "\n  ")
                file.write(("," if self.n_written else "") + "\n  " + text)
                self.n_written += 1
        self.article = []

    def close(self) -> None:
        """Write what is left, and the end of the file."""
        if self.article or not self.n_written:
            self._flush()
        with self.path.open("a", encoding="utf8") as file:
            file.write("\n ]\n}\n" if self.n_written else "]\n}\n")
