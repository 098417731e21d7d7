"""The comparison of 'Clinical QA 2.0' (arXiv 2502.13108): one encoder trained on each task alone and on both, several
seeds each, the same budget for all. Every run has a folder, which `spacy cqa compare` reads:

    run.json      encoder, variant, seed and the digest of all that went in; written last, so its presence means done
    curve.jsonl   the evaluations during training, on the development split
    dev.json, test.json   metrics and what became of every question; the test split is read here alone, once a run
    model/        the checkpoint that was best on the development split
"""

import datetime
import hashlib
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import srsly
from spacy import util
from spacy.language import Language
from thinc.api import fix_random_seed

from .. import __version__
from ..errors import Errors
from .evaluation import evaluate_pipeline, question_row

_COMPONENT = "components.clinical_qa.model"
_WEIGHTS = "training.score_weights"


@dataclass(frozen=True)
class Variant:
    """A way to train.

    name (str): Its name, such as "multitask-soft".
    overrides (Mapping[str, Any]): Values of the config, by dotted name.
    selects_by (str): What its best checkpoint is chosen by, in words.
    """

    name: str
    overrides: Mapping[str, Any]
    selects_by: str


def _variant(name: str, span: float, category: float, soft: bool, f1: float, accuracy: float) -> Variant:
    """A variant by its loss weights, its labels, and the weights of the two metrics that choose its checkpoint."""
    overrides = {
        f"{_COMPONENT}.span_weight": span,
        f"{_COMPONENT}.category_weight": category,
        f"{_COMPONENT}.soft_labels": soft,
        f"{_WEIGHTS}.cqa_f1": f1,
        f"{_WEIGHTS}.cqa_cat_acc_gold": accuracy,
    }
    return Variant(name, overrides, f"{f1:g} x F1 + {accuracy:g} x category accuracy")


# The loss weights of the joint runs are the recipe's; a single-task run has the same weight on its one task.
VARIANTS: Mapping[str, Variant] = {
    variant.name: variant
    for variant in (
        _variant("span-only", 1.0, 0.0, True, 1.0, 0.0),
        _variant("category-only", 0.0, 0.5, False, 0.0, 1.0),
        _variant("multitask-hard", 1.0, 0.5, False, 0.7, 0.3),
        _variant("multitask-soft", 1.0, 0.5, True, 0.7, 0.3),
    )
}
ONTOLOGY_VARIANT = "multitask-ontology"  # multitask-soft with the linker's evidence mixed in; nothing is trained anew
ONTOLOGY_BASE = "multitask-soft"


@dataclass(frozen=True)
class Data:
    """The splits, as .spacy or SQuAD JSON files."""

    train: Path
    dev: Path
    test: Path


@dataclass(frozen=True)
class Run:
    """One run of the comparison.

    config (Path): The training config.
    data (Data): The splits.
    encoder (str): Name of the encoder, for the tables.
    encoder_path (Path): Its folder.
    variant (str): One of `VARIANTS`, or `ONTOLOGY_VARIANT`.
    seed (int): The seed.
    root (Path): Folder of all runs.
    learn_rate (Optional[float]): The encoder's learning rate in place of the config's.
    overrides (Mapping[str, Any]): Further values of the config.
    """

    config: Path
    data: Data
    encoder: str
    encoder_path: Path
    variant: str
    seed: int
    root: Path
    learn_rate: Optional[float] = None
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """RETURNS (Path): Where the run is kept."""
        rate = "" if self.learn_rate is None else f"-rate-{self.learn_rate:g}"
        return self.root / self.encoder / self.variant / f"seed-{self.seed}{rate}"

    def all_overrides(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): What the run changes in the config."""
        values: Dict[str, Any] = {
            **VARIANTS[self.variant].overrides,
            "paths.train": str(self.data.train),
            "paths.dev": str(self.data.dev),
            "paths.encoder": str(self.encoder_path),
            "paths.log": str(self.folder / "log.jsonl"),
            "system.seed": self.seed,
            **self.overrides,
        }
        if self.learn_rate is not None:
            values["training.optimizer.learn_rate.initial_rate"] = self.learn_rate
        return values


# Running --------------------------------------------------------------------------------------------------------------


def run_training(run: Run, *, use_gpu: int = -1) -> bool:
    """Train and evaluate one run, unless it is there already with the same inputs. A run that was broken off starts
    over: it is short.

    run (Run): The run.
    use_gpu (int): Id of the GPU, -1 for the CPU.
    RETURNS (bool): Whether it was run.
    """
    from spacy.cli.train import train

    digest = input_digest(run)
    if is_finished(run.folder, digest):
        return False
    shutil.rmtree(run.folder, ignore_errors=True)
    run.folder.mkdir(parents=True)
    train(run.config, run.folder / "training", use_gpu=use_gpu, overrides=run.all_overrides())
    shutil.move(str(run.folder / "training" / "model-best"), str(run.folder / "model"))
    shutil.rmtree(run.folder / "training")
    _write_curve(run.folder)
    finish_run(run, util.load_model(run.folder / "model"), digest, steps=_steps(run.folder))
    return True


def finish_run(run: Run, nlp: Language, digest: str, **known: Any) -> None:
    """Evaluate a run's pipeline on both splits and mark the run as done.

    run (Run): The run.
    nlp (Language): Its pipeline.
    digest (str): The digest of its inputs.
    **known (Any): What else to note of it.
    """
    fix_random_seed(run.seed)
    for split, path in (("dev", run.data.dev), ("test", run.data.test)):
        scores, results = evaluate_pipeline(nlp, path)
        rows = [question_row(result) for result in results]
        write_json(run.folder / f"{split}.json", {"scores": scores, "questions": rows})
    about = {
        "encoder": run.encoder,
        "variant": run.variant,
        "seed": run.seed,
        "learn_rate": run.learn_rate,
        **known,
        "created": datetime.date.today().isoformat(),
        "spacy_cqa": __version__,
        "digest": digest,
    }
    write_json(run.folder / "run.json", about)


def write_json(path: Path, data: Any) -> None:
    """Write JSON with all digits of its floats, whole or not at all."""
    scratch = path.with_suffix(".partial")
    scratch.write_text(json.dumps(data), encoding="utf8")
    scratch.replace(path)


def is_finished(folder: Path, digest: str) -> bool:
    """RETURNS (bool): Whether a folder holds a finished run with these inputs."""
    try:
        return srsly.read_json(folder / "run.json").get("digest") == digest
    except (OSError, ValueError, AttributeError):
        return False


def input_digest(run: Run, *further: Path) -> str:
    """A digest of all that decides a run: config, overrides, data, encoder.

    run (Run): The run.
    *further (Path): Further files.
    RETURNS (str): SHA-256 in hexadecimal.
    """
    overrides = {} if run.variant not in VARIANTS else run.all_overrides()
    overrides = {name: value for name, value in overrides.items() if not name.startswith("paths.")}
    digest = hashlib.sha256(json.dumps([run.variant, run.seed, overrides], sort_keys=True).encode("utf8"))
    weights = sorted(run.encoder_path.glob("*.safetensors"))
    for path in (run.config, run.data.train, run.data.dev, run.data.test, *weights, *further):
        digest.update(_file_digest(path))
    return digest.hexdigest()


def _file_digest(path: Path) -> bytes:
    if not path.is_file():
        raise ValueError(Errors.E031.format(path=path))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _write_curve(folder: Path) -> None:
    """The logger's lines in the form of run folders: fractions, one loss."""
    rows = []
    for line in srsly.read_jsonl(folder / "log.jsonl"):
        scores = {name: value / 100 for name, value in line["scores"].items()}
        rows.append({"step": line["step"], "loss": sum(line["losses"].values()), **scores})
    srsly.write_jsonl(folder / "curve.jsonl", rows)


def _steps(folder: Path) -> int:
    return max(int(row["step"]) for row in srsly.read_jsonl(folder / "curve.jsonl"))


# The whole comparison -------------------------------------------------------------------------------------------------


def run_all(
    runs: Iterable[Run],
    *,
    learn_rates: Sequence[float] = (),
    use_gpu: int = -1,
    progress: Callable[[str], object] = lambda message: None,
) -> List[Path]:
    """Train all runs. With learning rates to choose from, every variant of an encoder tries each with the seed
    that comes first and keeps the one that is best on the development split: the same budget of tuning for all.

    runs (Iterable[Run]): The runs.
    learn_rates (Sequence[float]): Learning rates to choose from; none for the config's.
    use_gpu (int): Id of the GPU, -1 for the CPU.
    progress (Callable[[str], object]): Is told of every run.
    RETURNS (List[Path]): The folders of the runs.
    """
    chosen: Dict[Tuple[str, str], Optional[float]] = {}
    folders = []
    for run in runs:
        key = (run.encoder, run.variant)
        if key not in chosen:
            chosen[key] = _best_rate(run, learn_rates, use_gpu, progress) if learn_rates else run.learn_rate
        run = with_rate(run, chosen[key])
        progress(f"{run.folder}: {'trained' if run_training(run, use_gpu=use_gpu) else 'is finished already'}")
        folders.append(run.folder)
    return folders


def with_rate(run: Run, learn_rate: Optional[float]) -> Run:
    """RETURNS (Run): The run with another learning rate."""
    return Run(**{**run.__dict__, "learn_rate": learn_rate})


def _best_rate(run: Run, learn_rates: Sequence[float], use_gpu: int, progress: Callable[[str], object]) -> float:
    scores = {}
    for rate in learn_rates:
        trial = with_rate(run, rate)
        progress(f"{trial.folder}: {'trained' if run_training(trial, use_gpu=use_gpu) else 'is finished already'}")
        scores[rate] = _selection_score(trial)
    return max(scores, key=lambda rate: scores[rate])


def _selection_score(run: Run) -> float:
    scores: Mapping[str, float] = srsly.read_json(run.folder / "dev.json")["scores"]
    weights = VARIANTS[run.variant].overrides
    return sum(weights[f"{_WEIGHTS}.{name}"] * scores[name] for name in ("cqa_f1", "cqa_cat_acc_gold"))
