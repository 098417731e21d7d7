"""Tables of training runs, multi-task beside single-task, as plain data and as Markdown.

Tables as in: 'Clinical QA 2.0: Multi-Task Learning for Answer Extraction and Categorization' (arXiv 2502.13108).
"""

from collections import Counter
from functools import partial
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy

from ..errors import Errors
from ..metrics import mean
from ..statistics import percentile_interval, resample_weights, weighted_macro_f1, weighted_mean
from ..training.runs import CURVES, RunQuestion, RunResults, is_trained
from ..training.variants import CATEGORY_ONLY, ONTOLOGY_VARIANT, SPAN_ONLY, VARIANTS
from ..types import CATEGORIES

RESULTS: Dict[str, str] = {
    "cqa_em": "EM",
    "cqa_f1": "F1",
    "cqa_hasans_f1": "F1, answerable",
    "cqa_noans_acc": "No-answer accuracy",
    "cqa_cat_acc_gold": "Category accuracy, gold span",
    "cqa_cat_acc_hit": "Category accuracy, hits",
    "cqa_cat_macro_f1": "Category macro F1",
}
"""Columns of the first table."""

BASELINES: Dict[str, str] = {
    "cqa_em": SPAN_ONLY,
    "cqa_f1": SPAN_ONLY,
    "cqa_cat_acc_gold": CATEGORY_ONLY,
    "cqa_cat_macro_f1": CATEGORY_ONLY,
}
"""Columns of the second table, and the single-task variant that each is compared with."""

Group = Tuple[str, str]  # encoder, variant
Measure = Callable[[Sequence[RunResults], Sequence[str], numpy.ndarray], numpy.ndarray]  # runs, notes, weights


# Comparison -----------------------------------------------------------------------------------------------------------


def compare_runs(
    runs: Sequence[RunResults], *, split: str = "test", resamples: int = 10_000, level: float = 0.95, seed: int = 0
) -> Dict[str, Any]:
    """Compare runs: results, differences to the single-task variants, categories, and what the pictures show.

    The differences come with bootstrap intervals, paired over notes: both variants are measured on the same resampled
    notes, each as the mean over its seeds.

    runs (Sequence[RunResults]): The runs, on the same questions.
    split (str): Name of the split, for the captions.
    resamples (int): Bootstrap resamples.
    level (float): Share of the resamples inside an interval.
    seed (int): Seed of the bootstrap.
    RETURNS (Dict[str, Any]): Data for JSON, measures as fractions: `results` with mean and standard deviation over
        seeds, `missing_seeds`, `differences`, `categories`, `confusion` and `curves`.
    RAISES (ValueError): E047, if the runs have other questions, or two have one encoder, variant and seed.
    """
    _check_comparable(runs)
    groups = _grouped(runs)
    notes = list(dict.fromkeys(q.note for q in runs[0].questions))
    # The first row weighs every note once: the data as it is.
    weights = numpy.vstack([numpy.ones(len(notes)), resample_weights(len(notes), resamples=resamples, seed=seed)])
    return {
        "split": split,
        "notes": len(notes),
        "questions": len(runs[0].questions),
        "bootstrap": {"resamples": resamples, "level": level, "seed": seed},
        "results": [_result_row(group, members) for group, members in groups.items()],
        "missing_seeds": _missing_seeds(groups),
        "differences": list(_difference_rows(groups, notes, weights, level)),
        "categories": [row for group, members in groups.items() for row in _category_rows(group, members)],
        "confusion": list(_confusion_rows(groups)),
        "curves": list(_curve_rows(groups)),
    }


def _check_comparable(runs: Sequence[RunResults]) -> None:
    golds = [frozenset(q.gold for q in run.questions) for run in runs]
    usual, _ = Counter(golds).most_common(1)[0]
    model = runs[golds.index(usual)]
    earlier: Dict[Tuple[Group, int], RunResults] = {}
    for run, gold in zip(runs, golds):
        if gold != usual:
            note, qid, *_ = min(gold ^ usual)
            problem = f"its questions or their annotations differ, first in {note}/{qid}"
            raise ValueError(Errors.E047.format(run=run.path, other=model.path, problem=problem))
        twin = earlier.setdefault((run.group, run.seed), run)
        if twin is not run:
            problem = f"both are {run.encoder}, {run.variant}, seed {run.seed}"
            raise ValueError(Errors.E047.format(run=run.path, other=twin.path, problem=problem))


def _grouped(runs: Sequence[RunResults]) -> Dict[Group, List[RunResults]]:
    encoders = list(dict.fromkeys(run.encoder for run in runs))
    variants = list(dict.fromkeys([*VARIANTS, ONTOLOGY_VARIANT, *(run.variant for run in runs)]))
    groups: Dict[Group, List[RunResults]] = {(encoder, variant): [] for encoder in encoders for variant in variants}
    for run in sorted(runs, key=lambda run: run.seed):
        groups[run.group].append(run)
    return {group: members for group, members in groups.items() if members}


def _named(group: Group) -> Dict[str, Any]:
    encoder, variant = group
    return {"encoder": encoder, "variant": variant}


def _result_row(group: Group, runs: Sequence[RunResults]) -> Dict[str, Any]:
    columns = {name: _mean_and_deviation([run.measures.get(name) for run in runs]) for name in RESULTS}
    return {**_named(group), "seeds": [run.seed for run in runs], **columns}


def _mean_and_deviation(values: Iterable[Optional[float]]) -> Optional[Dict[str, Optional[float]]]:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return {"mean": mean(known), "sd": float(numpy.std(known, ddof=1)) if len(known) > 1 else None}


def _missing_seeds(groups: Mapping[Group, Sequence[RunResults]]) -> List[Dict[str, Any]]:
    rows = []
    for (encoder, variant), runs in groups.items():
        known = {run.seed for (other, _), members in groups.items() if other == encoder for run in members}
        missing = sorted(known - {run.seed for run in runs})
        if missing:
            rows.append({**_named((encoder, variant)), "seeds": missing})
    return rows


def _category_rows(group: Group, runs: Sequence[RunResults]) -> Iterator[Dict[str, Any]]:
    tables = [run.measures["cqa_per_category"] for run in runs if run.measures.get("cqa_per_category")]
    for category in CATEGORIES if tables else ():
        columns = {
            name: mean(table[category][name] for table in tables if table[category][name] is not None)
            for name in ("p", "r", "f", "support")
        }
        yield {**_named(group), "category": category, **columns}


def _confusion_rows(groups: Mapping[Group, Sequence[RunResults]]) -> Iterator[Dict[str, Any]]:
    """Counts over all seeds, gold by predicted category."""
    for group, runs in groups.items():
        counts = Counter(q.label_pair for run in runs for q in run.questions if q.label_pair)
        if counts and is_trained(group[1], "cqa_cat_acc_gold"):
            rows = [[counts[gold, predicted] for predicted in CATEGORIES] for gold in CATEGORIES]
            yield {**_named(group), "categories": list(CATEGORIES), "counts": rows}


def _curve_rows(groups: Mapping[Group, Sequence[RunResults]]) -> Iterator[Dict[str, Any]]:
    for group, runs in groups.items():
        for name in CURVES:
            points = _curve_points([run.curve for run in runs if run.curve], name)
            if points and is_trained(group[1], name):
                yield {**_named(group), "measure": name, "points": points}


def _curve_points(curves: Sequence[Sequence[Mapping[str, Any]]], name: str) -> List[Dict[str, Any]]:
    """Only steps that every seed reached: a mean whose seeds change on the way would show steps that no run made."""
    by_seed = [{point["step"]: point[name] for point in curve if point.get(name) is not None} for curve in curves]
    steps = sorted(set.intersection(*map(set, by_seed))) if by_seed else []
    values = {step: [found[step] for found in by_seed] for step in steps}
    return [{"step": step, "mean": mean(v), "low": min(v), "high": max(v)} for step, v in values.items()]


# Differences ----------------------------------------------------------------------------------------------------------


def _difference_rows(
    groups: Mapping[Group, Sequence[RunResults]], notes: Sequence[str], weights: numpy.ndarray, level: float
) -> Iterator[Dict[str, Any]]:
    resampled = {
        (group, name): _RESAMPLED[name](runs, notes, weights)
        for group, runs in groups.items()
        for name in BASELINES
        if is_trained(group[1], name)
    }
    for group in groups:
        encoder, variant = group
        if variant in (SPAN_ONLY, CATEGORY_ONLY):
            continue
        columns = {
            name: _difference(resampled[group, name], resampled.get(((encoder, baseline), name)), level, len(notes))
            for name, baseline in BASELINES.items()
        }
        yield {**_named(group), **columns}


def _difference(
    values: numpy.ndarray, baseline: Optional[numpy.ndarray], level: float, n_notes: int
) -> Optional[Dict[str, Optional[float]]]:
    """Without an interval for a single note: all its resamples are alike."""
    difference = numpy.full(1, numpy.nan) if baseline is None else values - baseline
    if numpy.isnan(difference[0]):
        return None
    low, high = percentile_interval(difference[1:], level=level) if n_notes > 1 else (None, None)
    return {"difference": float(difference[0]), "low": low, "high": high}


def _resampled_mean(
    runs: Sequence[RunResults],
    notes: Sequence[str],
    weights: numpy.ndarray,
    *,
    value_of: Callable[[RunQuestion], Optional[float]],
) -> numpy.ndarray:
    rows = {note: n for n, note in enumerate(notes)}
    sums, counts = numpy.zeros(len(notes)), numpy.zeros(len(notes))
    for run in runs:
        for question in run.questions:
            value = value_of(question)
            if value is not None:
                sums[rows[question.note]] += value
                counts[rows[question.note]] += 1
    return weighted_mean(weights, sums, counts)


def _category_right(question: RunQuestion) -> Optional[float]:
    pair = question.label_pair
    return None if pair is None else float(pair[0] == pair[1])


def _resampled_macro_f1(runs: Sequence[RunResults], notes: Sequence[str], weights: numpy.ndarray) -> numpy.ndarray:
    scores = [weighted_macro_f1(weights, *_note_counts(run, notes)) for run in runs]
    return numpy.mean(scores, axis=0)


def _note_counts(run: RunResults, notes: Sequence[str]) -> Tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Gold, predicted and equal labels, each notes by categories."""
    rows, columns = {note: n for n, note in enumerate(notes)}, {name: n for n, name in enumerate(CATEGORIES)}
    gold, predicted, hits = numpy.zeros((3, len(notes), len(CATEGORIES)))
    for question in run.questions:
        if question.label_pair:
            expected, found = question.label_pair
            gold[rows[question.note], columns[expected]] += 1
            if found:  # an ontology without a reader may give none
                predicted[rows[question.note], columns[found]] += 1
            hits[rows[question.note], columns[expected]] += expected == found
    return gold, predicted, hits


_RESAMPLED: Dict[str, Measure] = {
    "cqa_em": partial(_resampled_mean, value_of=lambda question: question.em),
    "cqa_f1": partial(_resampled_mean, value_of=lambda question: question.f1),
    "cqa_cat_acc_gold": partial(_resampled_mean, value_of=_category_right),
    "cqa_cat_macro_f1": _resampled_macro_f1,
}


# Markdown -------------------------------------------------------------------------------------------------------------


def tables_markdown(comparison: Mapping[str, Any]) -> str:
    """Write the tables of a comparison as Markdown, in percent and points.

    comparison (Mapping[str, Any]): What `compare_runs` gave.
    RETURNS (str): The tables that have rows, each below a line that says what it shows.
    """
    parts = [*_results_part(comparison), *_differences_part(comparison), *_categories_part(comparison)]
    return "\n\n".join(parts) + "\n"


def _data_text(comparison: Mapping[str, Any]) -> str:
    numbers = sorted({len(row["seeds"]) for row in comparison["results"]})
    seeds = f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
    return (
        f"{comparison['split']} split, {comparison['notes']} notes, {comparison['questions']} questions; "
        f"seeds per variant: {seeds}"
    )


def _results_part(comparison: Mapping[str, Any]) -> Iterator[str]:
    yield f"**Table 1.** Results in %, mean ± standard deviation over seeds ({_data_text(comparison)})."
    rows = [
        [row["encoder"], row["variant"], str(len(row["seeds"])), *(_result_text(row[name]) for name in RESULTS)]
        for row in comparison["results"]
    ]
    yield markdown_table(["Encoder", "Variant", "Seeds", *RESULTS.values()], rows, n_texts=2)
    missing = [
        f"{row['encoder']}, {row['variant']}: {', '.join(map(str, row['seeds']))}"
        for row in comparison["missing_seeds"]
    ]
    if missing:
        yield f"Missing seeds: {'; '.join(missing)}."


def _differences_part(comparison: Mapping[str, Any]) -> Iterator[str]:
    if not comparison["differences"]:
        return
    bootstrap = comparison["bootstrap"]
    yield (
        f"**Table 2.** Multi-task minus single-task of the same encoder, in points: EM and F1 against {SPAN_ONLY}, "
        f"category measures against {CATEGORY_ONLY}; in brackets {100 * bootstrap['level']:g} % intervals of "
        f"{bootstrap['resamples']:,} bootstrap resamples of notes, paired ({_data_text(comparison)})."
    )
    rows = [
        [row["encoder"], row["variant"], *(_difference_text(row[name]) for name in BASELINES)]
        for row in comparison["differences"]
    ]
    yield markdown_table(["Encoder", "Variant", *(RESULTS[name] for name in BASELINES)], rows, n_texts=2)


def _categories_part(comparison: Mapping[str, Any]) -> Iterator[str]:
    if not comparison["categories"]:
        return
    yield f"**Table 3.** Categories from the gold span in %, mean over seeds ({_data_text(comparison)})."
    rows = [
        [
            *(row[name] for name in ("encoder", "variant", "category")),
            *(_percent(row[name]) for name in ("p", "r", "f")),
            f"{row['support']:.1f}".removesuffix(".0"),
        ]
        for row in comparison["categories"]
    ]
    yield markdown_table(["Encoder", "Variant", "Category", "Precision", "Recall", "F1", "Support"], rows, n_texts=3)


def _percent(value: Optional[float]) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _result_text(cell: Optional[Mapping[str, Optional[float]]]) -> str:
    if cell is None:
        return "-"
    return _percent(cell["mean"]) + ("" if cell["sd"] is None else f" ± {_percent(cell['sd'])}")


def _difference_text(cell: Optional[Mapping[str, Optional[float]]]) -> str:
    if cell is None:
        return "-"
    difference, *interval = (f"{100 * n:+z.1f}" for n in cell.values() if n is not None)
    return f"{difference} [{', '.join(interval)}]" if interval else difference


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]], *, n_texts: int) -> str:
    """A Markdown table.

    header (Sequence[str]): Titles of the columns.
    rows (Iterable[Sequence[str]]): The cells, row by row.
    n_texts (int): How many of the first columns are texts; the others are numbers, aligned right.
    RETURNS (str): The table, without a line end behind it.
    """
    rule = ["---" if n < n_texts else "---:" for n in range(len(header))]
    lines = ([cell.replace("|", r"\|") for cell in row] for row in (header, rule, *rows))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
