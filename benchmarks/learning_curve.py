"""Does the corpus teach, and does the generator? Trains on parts of the corpus, with and without generated questions.

    python benchmarks/learning_curve.py curve --config configs/experiments.cfg --extra NOTES.json [--seed 0 --seed 1]

Every run takes the same steps, and so about the same time: what differs is the data. A share of the corpus is that
share of its training notes, the smaller ones within the larger ones. With generated questions there are as many of
them as written ones, about the same notes and about synthetic ones. A run that is finished, on the same data, is not
run again. The table (`curve.md`) shows F1 and category accuracy, the picture (`curve.png`, `curve.svg`) F1, on the
development split and on `--extra`, data that is never trained on.
"""

import json
import random
from pathlib import Path
from statistics import mean
from typing import Any, Dict, List, NamedTuple

import typer

from spacy_cqa.export.plots import save_figure
from spacy_cqa.export.tables import markdown_table
from spacy_cqa.training.converters.squad import read_squad
from spacy_cqa.training.experiments import Data, Run, run_training
from spacy_cqa.training.generate.stream import generate
from spacy_cqa.training.records import QARecord
from spacy_cqa.training.writing import write_records

CORPUS = Path(__file__).parent.parent / "assets" / "corpus"
SHARES = (8, 4, 2, 1)
KINDS = ("written", "written and generated", "generated")
MEASURES = {"cqa_f1": "F1", "cqa_cat_acc_gold": "Category accuracy, gold span"}


class Point(NamedTuple):
    """One place on the curve: one of so many parts of the corpus, of a kind."""

    part: int
    kind: str

    @property
    def name(self) -> str:
        """RETURNS (str): Its name in files."""
        return f"{self.kind.replace(' ', '-')}-{self.part}"


def main(
    output: Path,
    config: Path = typer.Option(Path("configs/experiments.cfg"), help="Training config; its steps are those of a run"),
    encoder: Path = typer.Option(Path("backbone/minilm"), help="Folder of the encoder"),
    extra: Path = typer.Option(
        ..., help="Data that is only measured on, SQuAD JSON; not the test split, which is for the end"
    ),
    seeds: List[int] = typer.Option([0], "--seed", help="Seeds; repeat for several"),
    parts: List[int] = typer.Option(list(SHARES), "--part", help="1/PART of the corpus; repeat for several"),
    kinds: List[str] = typer.Option(list(KINDS[:2]), "--kind", help=f"Some of: {', '.join(KINDS)}; repeat for several"),
    gpu: int = typer.Option(-1, "--gpu-id", help="GPU, -1 for the CPU"),
) -> None:
    """Train what is missing, then write the table and the picture."""
    measured = write_measured(output / "data", extra)
    points = [Point(part, kind) for part in sorted(parts, reverse=True) for kind in kinds]
    runs = {
        (point, seed): make_run(point, seed, output, config, encoder, measured) for seed in seeds for point in points
    }
    for run in runs.values():
        run_training(run, use_gpu=gpu)
    results = {point: [read_scores(runs[point, seed].folder) for seed in seeds] for point in points}
    table = markdown(results, extra.stem)
    (output / "curve.md").write_text(table, encoding="utf8")
    draw(results, output / "curve", extra.stem)
    typer.echo(table)


def write_measured(folder: Path, extra: Path) -> List[Path]:
    """RETURNS (List[Path]): What runs are measured on, written: the development split and the extra data."""
    return [write_split(folder / "dev.spacy", CORPUS / "dev.json"), write_split(folder / "extra.spacy", extra)]


def write_split(path: Path, source: Path) -> Path:
    """RETURNS (Path): A split in spaCy's form."""
    write_records(path, read_squad(source))
    return path


def make_run(point: Point, seed: int, output: Path, config: Path, encoder: Path, measured: List[Path]) -> Run:
    """RETURNS (Run): The run of a point, its training data written."""
    train = output / "data" / f"{point.name}-{seed}.spacy"
    write_records(train, training_notes(point, seed))
    return Run(
        config=config,
        data=Data(train, *measured),
        encoder=point.name,
        encoder_path=encoder,
        variant="multitask-soft",
        seed=seed,
        root=output / "runs",
    )


def training_notes(point: Point, seed: int) -> List[QARecord]:
    """RETURNS (List[QARecord]): What a point is trained on, in the order of chance."""
    notes = list(read_squad(CORPUS / "train.json"))
    random.Random(seed).shuffle(notes)
    notes = notes[: len(notes) // point.part]
    n_questions = sum(len(note.questions) for note in notes)
    made = list(generate(n_questions, seed=seed, written=notes)) if "generated" in point.kind else []
    mixed = made + (notes if point.kind.startswith("written") else [])
    random.Random(seed).shuffle(mixed)
    return mixed


def read_scores(folder: Path) -> Dict[str, Dict[str, Any]]:
    """RETURNS (Dict[str, Dict[str, Any]]): By split, dev or extra, the scores of a finished run."""
    files = {"dev": "dev.json", "extra": "test.json"}
    return {split: json.loads((folder / name).read_text(encoding="utf8"))["scores"] for split, name in files.items()}


Results = Dict[Point, List[Dict[str, Dict[str, Any]]]]


def percent(scores: List[Dict[str, Dict[str, Any]]], split: str, measure: str) -> float:
    """RETURNS (float): A measure in %, mean over the seeds."""
    return 100 * mean(each[split][measure] for each in scores)


def score_titles(extra: str) -> List[str]:
    """RETURNS (List[str]): Titles of the columns of `score_cells`."""
    return [f"{title}, {split}" for split in ("dev", extra) for title in MEASURES.values()]


def score_cells(scores: List[Dict[str, Dict[str, Any]]]) -> List[str]:
    """RETURNS (List[str]): Each measure on each split in %, mean over the seeds."""
    return [f"{percent(scores, split, measure):.1f}" for split in ("dev", "extra") for measure in MEASURES]


def markdown(results: Results, extra: str) -> str:
    """RETURNS (str): The table."""
    rows = []
    for point, scores in results.items():
        share = "all" if point.part == 1 else f"1/{point.part}"
        rows.append([share, point.kind, str(len(scores)), *score_cells(scores)])
    return markdown_table(["Corpus", "Trained on", "Seeds", *score_titles(extra)], rows, n_texts=2) + "\n"


def draw(results: Results, path: Path, extra: str) -> None:
    """Draw F1 over the share of the corpus, one panel for each split, readable in grey."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
    for panel, (split, title) in zip(panels, (("dev", "Development split"), ("extra", extra)), strict=True):
        for kind, style in zip(KINDS, ("o-", "s--", "^:"), strict=True):
            points = [point for point in results if point.kind == kind]
            heights = [percent(results[point], split, "cqa_f1") for point in points]
            if points:
                panel.plot([1 / point.part for point in points], heights, style, label=kind)
        panel.set(title=title, xlabel="Share of the training notes", xscale="log", xticks=[1 / part for part in SHARES])
        panel.set_xticklabels(["all" if part == 1 else f"1/{part}" for part in SHARES])
        panel.minorticks_off()
        panel.grid(alpha=0.4)
    panels[0].set_ylabel("F1 (%)")
    panels[0].legend()
    for ending in ("png", "svg"):
        save_figure(figure, path.with_suffix(f".{ending}"))


if __name__ == "__main__":
    typer.run(main)
