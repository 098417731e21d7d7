"""`spacy cqa convert`: data to .spacy or JSON, with a report of what was repaired and dropped."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Tuple

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
        ...,
        metavar="INPUT",
        help="JSON of the form named by --format, or .spacy or a folder of them to write back as JSON",
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
    ending: Optional[str] = typer.Option(
        None, "--ending", help="Form of the files of a split, .spacy or .json; .spacy by default"
    ),
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

    JSON is SQuAD v1 or v2, with our optional keys, or emrQA's data.json, which is read note by note. Wrong answer
    offsets are repaired where the place is clear, else the answer is dropped; all of it is counted. Splits keep the
    questions of a note together.

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
    if report.cut_tokens is not None:
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
    ending: Optional[str] = None,
    shard: int = 0,
    preparation: Optional["Preparation"] = None,
    noise: float = 0.0,
    repeat: int = 1,
    report_path: Optional[Path] = None,
    lang: str = "en",
) -> "ConversionReport":
    """Convert a file, or a folder of .spacy files; see `convert_cli`.

    RETURNS (ConversionReport): What was kept, repaired and dropped.
    RAISES (ValueError): E030 to E034, E040 to E044: the input cannot be read, or an option is not usable. Nothing is
        written then.
    """
    import spacy
    import srsly
    from tqdm import tqdm

    from ..files import whole_outputs
    from ..training.converters.emrqa_writer import Noise, write_emrqa
    from ..training.converters.report import ConversionReport
    from ..training.splits import SPLIT_NAMES, parse_shares
    from ..training.writing import write_parts

    _check_forms(form, to)
    _check_conflicts(form, to, output_path, split, ending, shard, preparation, noise, repeat)
    shares = parse_shares(split) if split else []
    parts = SPLIT_NAMES[len(shares)] if shares else ("",)
    outputs = [_output_of(part, output_path, ending, shard) for part in parts]
    inner_report = _path_below(output_path, report_path)
    _check_report(report_path, inner_report, outputs, output_path, shard)
    _check_outputs(outputs, inner_report, output_path, to, shard)
    # A report among the shards is replaced with their folder.
    beside = [] if inner_report is None or inner_report.parent in outputs else [inner_report]
    report = ConversionReport()
    nlp = spacy.blank(lang)
    notes = _read(input_path, nlp, form, shares, seed, preparation, report)
    notes = tqdm(notes, desc=output_path.name, unit="note", disable=None)
    with whole_outputs(output_path, [*outputs, *beside]) as scratch:
        if to == "emrqa":
            records = (record for _, record in notes)
            write_emrqa(records, scratch, seed=seed, noise=Noise.of_rate(noise), repeat=repeat, report=report)
        else:
            paths = {part: _output_of(part, scratch, ending, shard) for part in parts}
            write_parts(notes, paths, nlp, shard=shard, report=report)
        if report_path is not None:
            path = scratch / inner_report.relative_to(output_path) if inner_report is not None else report_path
            write_whole(path, lambda file: srsly.write_json(file, report.to_dict()))
    return report


def _read(
    path: Path,
    nlp: "Language",
    form: str,
    shares: List[float],
    seed: int,
    preparation: Optional["Preparation"],
    report: "ConversionReport",
) -> Iterator[Tuple[str, "QARecord"]]:
    from ..training.converting import stream_emrqa, stream_squad

    if form == "emrqa":
        return stream_emrqa(path, shares=shares, seed=seed, preparation=preparation, report=report)
    return stream_squad(path, nlp, shares=shares, seed=seed, report=report)


# Checks ---------------------------------------------------------------------------------------------------------------


def _check_forms(*forms: str) -> None:
    for form in forms:
        if form not in FORMATS:
            raise ValueError(f"Unknown format {form!r}. Known: {', '.join(FORMATS)}.")


def _check_conflicts(
    form: str,
    to: str,
    output_path: Path,
    split: Optional[str],
    ending: Optional[str],
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
        (ending and not split, "--ending is of the files of a split: leave it out, or add --split 70/10/20."),
        (shard and ending not in (None, ".spacy"), "--shard writes .spacy files: leave out --ending."),
    )
    for found, message in conflicts:
        if found:
            raise ValueError(message)


def _output_of(part: str, root: Path, ending: Optional[str], shard: int) -> Path:
    """The file of a part, or its folder of shards; the root itself where there is no split."""
    if not part:
        return root
    return root / (part if shard else f"{part}{ending or '.spacy'}")


def _path_below(root: Path, path: Optional[Path]) -> Optional[Path]:
    """A path, however it is written, as one below the root; None where it is not."""
    if path is None:
        return None
    place = path.parent.resolve() / path.name
    return root / place.relative_to(root.resolve()) if place.is_relative_to(root.resolve()) else None


def _check_report(path: Optional[Path], inner: Optional[Path], outputs: Sequence[Path], root: Path, shard: int) -> None:
    """Check that the report, `inner` where it is below OUTPUT, takes no output's place."""
    from ..training.writing import is_shard

    if path is not None and path.is_dir():
        raise ValueError(f"--report is {path}, a folder. Give a file, such as report.json.")
    if inner is None:
        return
    is_in_output = any(output in (inner, *inner.parents) for output in outputs)
    is_beside_shards = shard and inner.parent in outputs and not is_shard(inner)
    if inner == root or (is_in_output and not is_beside_shards):
        raise ValueError(f"--report is {path}, where an output will be. Give a path of its own.")


def _check_outputs(outputs: Sequence[Path], inner_report: Optional[Path], root: Path, to: str, shard: int) -> None:
    from ..errors import Errors
    from ..training.writing import ENDINGS, check_output

    endings = (".json",) if to == "emrqa" else ENDINGS
    for path in outputs:
        check_output(path, shard=shard, endings=endings, known=() if inner_report is None else (inner_report,))
    if list(outputs) != [root] and root.is_file():
        raise ValueError(Errors.E044.format(path=root))
