"""What a training run leaves behind, and reading it for comparison. The folder of a run holds

    run.json      encoder, variant, seed; whether it is chosen among several learning rates; the digest of all that went
                  in; written last, so its presence means done
    curve.jsonl   the evaluations during training, on the development split
    dev.json, test.json   metrics and what became of every question
    model/        the checkpoint that was best on the development split

The metrics are read only where they are those of the questions.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..errors import Errors
from ..metrics import category_table, macro_f1, mean, settle_label
from ..types import CATEGORIES, KINDS
from .variants import VARIANTS

RUN_FILE, CURVE_FILE, LOG_FILE = "run.json", "curve.jsonl", "log.jsonl"
SPLITS = ("test", "dev")
CURVES = ("cqa_f1", "cqa_cat_acc_gold")
"""What is drawn of the evaluations during training."""

_SPAN_MEASURES = ("cqa_em", "cqa_f1", "cqa_hasans_em", "cqa_hasans_f1", "cqa_noans_acc")
_CATEGORY_MEASURES = ("cqa_cat_acc_gold", "cqa_cat_macro_f1", "cqa_per_category")
_TOLERANCE = 1e-6
_RUN_FIELDS = {"encoder": str, "variant": str, "seed": int, "chosen": bool}
_QUESTION_FIELDS = {
    "note": str,
    "id": str,
    "kind": str,
    "has_answer": bool,
    "category": str,
    "also": list,
    "f1": (int, float),
    "em": (int, float),
    "gold_label": str,
    "has_gold_label": bool,
    "hit": bool,
    "hit_label": str,
}


@dataclass(frozen=True)
class RunQuestion:
    """The result of one question.

    note (str): Id of the note.
    id (str): Id of the question.
    kind (str): "single", "list" or "impossible".
    has_answer (bool): Whether the note answers it.
    category (str): The annotated category, "" for none.
    also (Tuple[str, ...]): Further defensible categories.
    f1 (float): Token F1 of the best answer.
    em (float): Its exact match.
    gold_label (str): Category predicted from the gold spans, "" if it was not asked for or none was given.
    has_gold_label (bool): Whether it was asked for.
    hit (bool): Whether the best answer shares a character with a gold one.
    hit_label (str): Its category.
    """

    note: str
    id: str
    kind: str
    has_answer: bool
    category: str
    also: Tuple[str, ...]
    f1: float
    em: float
    gold_label: str
    has_gold_label: bool
    hit: bool
    hit_label: str

    @property
    def is_labelled(self) -> bool:
        """RETURNS (bool): Whether it has an annotated category to be measured against."""
        return self.has_answer and bool(self.category)

    @property
    def gold(self) -> Tuple[Any, ...]:
        """RETURNS (Tuple[Any, ...]): What all runs on the same data agree on."""
        return (self.note, self.id, self.kind, self.has_answer, self.category, tuple(sorted(self.also)))

    @property
    def label_pair(self) -> Optional[Tuple[str, str]]:
        """RETURNS (Optional[Tuple[str, str]]): Gold and predicted category, from the gold span; None without either."""
        if not self.is_labelled or not self.has_gold_label:
            return None
        return settle_label(self.gold_label, self.category, self.also), self.gold_label

    @property
    def is_hit_right(self) -> bool:
        """RETURNS (bool): Whether the category of the best answer is right."""
        return settle_label(self.hit_label, self.category, self.also) == self.hit_label


@dataclass(frozen=True)
class RunResults:
    """What a training run reached on one split.

    path (Path): Its folder.
    encoder (str): Its encoder.
    variant (str): What was trained, such as "span-only" or "multitask-soft".
    seed (int): Its seed.
    questions (List[RunQuestion]): The questions of the split.
    measures (Dict[str, Any]): Measures by the names of the scorer, those that the variant was trained for.
    curve (List[Dict[str, Any]]): Evaluations during training: `step` and measures.
    """

    path: Path
    encoder: str
    variant: str
    seed: int
    questions: List[RunQuestion]
    measures: Dict[str, Any] = field(default_factory=dict)
    curve: List[Dict[str, Any]] = field(default_factory=list)

    @property
    def group(self) -> Tuple[str, str]:
        """RETURNS (Tuple[str, str]): Encoder and variant, which runs of several seeds share."""
        return self.encoder, self.variant


class FoundRuns(NamedTuple):
    """The run folders below some paths.

    runs (List[RunResults]): The runs.
    unfinished (List[Path]): Folders of runs that are not finished.
    unchosen (List[Path]): Folders of runs whose learning rate was tried, but not chosen.
    """

    runs: List[RunResults]
    unfinished: List[Path]
    unchosen: List[Path]


def is_trained(variant: str, measure: str) -> bool:
    """Whether a measure means anything for a variant. The category of hits needs both heads.

    variant (str): Name of the variant; one that is not among `VARIANTS` has both heads.
    measure (str): Name of the measure.
    RETURNS (bool): Whether the heads that the measure needs were trained.
    """
    known = VARIANTS.get(variant)
    if known is None:
        return True
    spans = known.trains_spans or measure in _CATEGORY_MEASURES
    categories = known.trains_categories or measure in _SPAN_MEASURES
    return spans and categories


# Reading --------------------------------------------------------------------------------------------------------------


def read_runs(paths: Iterable[Path], *, split: str = "test") -> FoundRuns:
    """Read run folders.

    paths (Iterable[Path]): Run folders, or folders with them at any depth.
    split (str): The split whose results are read.
    RETURNS (FoundRuns): The runs, and the folders that are left out.
    RAISES (ValueError): E031, E032, E045, E046: a folder is missing or holds no runs, a file cannot be read, or its
        scores are not those of its questions.
    """
    paths = list(paths)
    needed = (RUN_FILE, f"{split}.json")
    folders = {folder.resolve(): folder for path in paths for folder in _run_folders(path)}.values()
    unfinished = [folder for folder in folders if not all((folder / name).exists() for name in needed)]
    finished = {folder: _read_about(folder) for folder in folders if folder not in unfinished}
    runs = [_read_run(folder, about, split) for folder, about in finished.items() if about["chosen"]]
    if not runs:
        problem = f"none of {len(folders)} is finished, with {' and '.join(needed)}, and chosen among learning rates"
        raise ValueError(Errors.E045.format(path=", ".join(map(str, paths)), problem=problem))
    return FoundRuns(runs, unfinished, [folder for folder, about in finished.items() if not about["chosen"]])


def _run_folders(path: Path) -> List[Path]:
    """Folders with any file of a run: one that was broken off may lack each of them."""
    if not path.exists():
        raise ValueError(Errors.E031.format(path=path))
    names = (RUN_FILE, CURVE_FILE, LOG_FILE, *(f"{split}.json" for split in SPLITS))
    found = sorted({file.parent for name in names for file in path.rglob(name)})
    if not any((folder / RUN_FILE).exists() for folder in found):
        raise ValueError(Errors.E045.format(path=path, problem=f"there is no {RUN_FILE} in it or below"))
    return found


def _read_about(folder: Path) -> Dict[str, Any]:
    path = folder / RUN_FILE
    return _fields(_load(path), _RUN_FIELDS, path, "the file", defaults={"chosen": True})


def _read_run(folder: Path, about: Mapping[str, Any], split: str) -> RunResults:
    path = folder / f"{split}.json"
    results = _fields(_load(path), {"scores": dict, "questions": list}, path, "the file")
    questions = [_question(item, path, f"questions[{n}]") for n, item in enumerate(results["questions"])]
    problem = _problem_of(questions)
    if problem:
        raise _no_results(path, problem)
    measures = {name: n for name, n in _measures(questions).items() if is_trained(about["variant"], name)}
    _check_scores(measures, results["scores"], path)
    if "cqa_noans_acc" in measures:
        measures["cqa_noans_acc"] = results["scores"]["cqa_noans_acc"]
    curve = _read_curve(folder / CURVE_FILE)
    return RunResults(folder, about["encoder"], about["variant"], about["seed"], questions, measures, curve)


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf8"))  # srsly's parser is inexact in the last digits of a float
    except ValueError as error:
        raise ValueError(Errors.E032.format(path=path, form="JSON in UTF-8", problem=error)) from error


def _no_results(path: Path, problem: str) -> ValueError:
    return ValueError(Errors.E032.format(path=path, form="a file of a run folder", problem=problem))


def _fields(
    data: Any, expected: Mapping[str, Any], path: Path, place: str, *, defaults: Optional[Mapping[str, Any]] = None
) -> Dict[str, Any]:
    """The expected fields of an object. Those with a default are newer than some run folders."""
    if not isinstance(data, dict):
        raise _no_results(path, f"{place} is no object")
    data = {**(defaults or {}), **data}
    for name, kind in expected.items():
        if not isinstance(data.get(name), kind):
            raise _no_results(path, f"{place} has no usable {name!r}")
    return {name: data[name] for name in expected}


def _question(item: Any, path: Path, place: str) -> RunQuestion:
    kind = item.get("kind") if isinstance(item, dict) else None
    label = item.get("gold_label") if isinstance(item, dict) else None
    defaults = {"has_answer": kind != "impossible", "has_gold_label": bool(label)}
    found = _fields(item, _QUESTION_FIELDS, path, place, defaults=defaults)
    labels = (found["category"], found["gold_label"], found["hit_label"])
    unknown = [name for name in found["also"] if name not in CATEGORIES]
    unknown += [name for name in labels if name not in (*CATEGORIES, "")]
    if unknown:
        raise _no_results(path, f"{place} has the category {unknown[0]!r}, not one of {list(CATEGORIES)}")
    if found["kind"] not in KINDS:
        raise _no_results(path, f"{place} has the kind {found['kind']!r}, not one of {list(KINDS)}")
    return RunQuestion(**{**found, "also": tuple(found["also"])})


def _problem_of(questions: Sequence[RunQuestion]) -> Optional[str]:
    if not questions:
        return "it has no questions"
    (note, qid), count = Counter((q.note, q.id) for q in questions).most_common(1)[0]
    return f"it has question {note}/{qid} {count} times" if count > 1 else None


def _read_curve(path: Path) -> List[Dict[str, Any]]:
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf8").splitlines()
    try:
        points = [json.loads(line) for line in lines if line.strip()]
    except ValueError as error:
        raise ValueError(Errors.E032.format(path=path, form="JSON lines", problem=error)) from error
    for number, point in enumerate(points, start=1):
        _fields(point, {"step": int}, path, f"entry {number}")
        if not all(isinstance(point.get(name), (int, float, type(None))) for name in CURVES):
            raise _no_results(path, f"entry {number} has a measure that is no number")
    return points


# Measures of a run ----------------------------------------------------------------------------------------------------


def _measures(questions: Sequence[RunQuestion]) -> Dict[str, Any]:
    answerable = [q for q in questions if q.has_answer]
    labelled = [q for q in questions if q.is_labelled]
    hits = [float(q.is_hit_right) for q in labelled if q.hit]
    pairs = [q.label_pair for q in questions if q.label_pair]
    table = category_table(pairs, CATEGORIES) if pairs else None
    return {
        "cqa_em": mean(q.em for q in questions),
        "cqa_f1": mean(q.f1 for q in questions),
        "cqa_hasans_em": mean(q.em for q in answerable),
        "cqa_hasans_f1": mean(q.f1 for q in answerable),
        "cqa_noans_acc": mean(q.em for q in questions if not q.has_answer),
        "cqa_cat_acc_gold": mean(float(gold == predicted) for gold, predicted in pairs),
        "cqa_cat_acc_hit": mean(hits) if hits or not labelled else 0.0,
        "cqa_cat_hit_coverage": len(hits) / len(labelled) if labelled else None,
        "cqa_cat_macro_f1": macro_f1(table) if table else None,
        "cqa_per_category": table,
    }


def _check_scores(measures: Mapping[str, Any], scores: Mapping[str, Any], path: Path) -> None:
    for name, value in measures.items():
        expected, found = _flat(name, value), _flat(name, scores.get(name))
        for key in {**expected, **found}:
            if not _agree(key, found.get(key), expected.get(key)):
                message = Errors.E046.format(path=path, name=key, found=found.get(key), expected=expected.get(key))
                raise ValueError(message)


def _flat(name: str, value: Any) -> Dict[str, Any]:
    if not isinstance(value, dict):
        return {name: value}
    return {key: n for part, inside in value.items() for key, n in _flat(f"{name}.{part}", inside).items()}


def _agree(name: str, found: Any, expected: Optional[float]) -> bool:
    if found is None or expected is None:
        return found is expected
    if not isinstance(found, (int, float)):
        return False
    if name == "cqa_noans_acc":
        # An answer of punctuation alone is no answer to exact match, but one to the accuracy.
        return found <= expected + _TOLERANCE
    return abs(found - expected) <= _TOLERANCE
