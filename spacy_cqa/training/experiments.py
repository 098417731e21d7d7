"""The comparison of 'Clinical QA 2.0' (arXiv 2502.13108): one encoder trained on each task alone and on both, several
seeds each, the same budget for all. Every run has a folder, see `runs`; the test split is read here alone, once a run.
"""

import datetime
import hashlib
import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import srsly
from spacy import util
from spacy.language import Language
from thinc.api import fix_random_seed

from ..about import __version__
from ..errors import Errors
from ..files import whole_file
from .evaluation import evaluate_pipeline, question_row
from .runs import CURVE_FILE, LOG_FILE, RUN_FILE, SPLITS
from .variants import ONTOLOGY_VARIANT, VARIANTS


@dataclass(frozen=True)
class Data:
    """The splits, as .spacy or SQuAD JSON files.

    train (Path): To learn from.
    dev (Path): For every choice.
    test (Path): For the tables.
    test_notes (int): Most notes of the test split to read, 0 for all: on a CPU that takes longer than the training.
    """

    train: Path
    dev: Path
    test: Path
    test_notes: int = 0


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
            "paths.log": str(self.folder / LOG_FILE),
            "system.seed": self.seed,
            **self.overrides,
        }
        if self.learn_rate is not None:
            values["training.optimizer.learn_rate.initial_rate"] = self.learn_rate
        return values


# Running --------------------------------------------------------------------------------------------------------------


def run_training(run: Run, *, use_gpu: int = -1, chosen: bool = True, splits: Sequence[str] = SPLITS) -> bool:
    """Train and evaluate one run, unless it is there already with the same inputs. A run that was broken off starts
    over: it is short.

    run (Run): The run.
    use_gpu (int): Id of the GPU, -1 for the CPU.
    chosen (bool): Whether `compare` is to read it, which it is not while its learning rate is only tried.
    splits (Sequence[str]): What to evaluate it on.
    RETURNS (bool): Whether it was run.
    """
    from spacy.cli.train import train

    digest = input_digest(run)
    if is_finished(run.folder, digest, splits):
        return False
    shutil.rmtree(run.folder, ignore_errors=True)
    run.folder.mkdir(parents=True)
    train(run.config, run.folder / "training", use_gpu=use_gpu, overrides=run.all_overrides())
    shutil.move(str(run.folder / "training" / "model-best"), str(run.folder / "model"))
    shutil.rmtree(run.folder / "training")
    _write_curve(run.folder)
    finish_run(run, util.load_model(run.folder / "model"), digest, splits, steps=_steps(run.folder), chosen=chosen)
    return True


def finish_run(run: Run, nlp: Language, digest: str, splits: Sequence[str] = SPLITS, **known: Any) -> None:
    """Evaluate a run's pipeline and mark the run as done.

    run (Run): The run.
    nlp (Language): Its pipeline.
    digest (str): The digest of its inputs.
    splits (Sequence[str]): What to evaluate it on: "test", and "dev" where anything is chosen by it.
    **known (Any): What else to note of it, such as `chosen`.
    """
    fix_random_seed(run.seed)
    for split in splits:
        path, limit = (run.data.test, run.data.test_notes) if split == "test" else (run.data.dev, 0)
        scores, results = evaluate_pipeline(nlp, path, limit=limit)
        rows = [question_row(result) for result in results]
        write_json(run.folder / f"{split}.json", {"scores": scores, "questions": rows})
    about = {
        "encoder": run.encoder,
        "variant": run.variant,
        "seed": run.seed,
        "learn_rate": run.learn_rate,
        "chosen": True,
        **known,
        "created": datetime.date.today().isoformat(),
        "spacy_cqa": __version__,
        "digest": digest,
    }
    write_json(run.folder / RUN_FILE, about)


def write_json(path: Path, data: Any) -> None:
    """Write JSON with all digits of its floats, whole or not at all."""
    with whole_file(path) as scratch:
        scratch.write_text(json.dumps(data), encoding="utf8")


def is_finished(folder: Path, digest: str, splits: Sequence[str] = ()) -> bool:
    """RETURNS (bool): Whether a folder holds a finished run with these inputs, evaluated on these splits."""
    evaluated = all((folder / f"{split}.json").is_file() for split in splits)
    return evaluated and _about(folder).get("digest") == digest


def _about(folder: Path) -> Dict[str, Any]:
    """What is noted of a run, nothing where that is missing or unusable."""
    try:
        about = json.loads((folder / RUN_FILE).read_text(encoding="utf8"))
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def choose_runs(runs: Sequence[Run]) -> None:
    """Note which runs of their encoders and variants `compare` is to read: these, and no others, which were trained
    with another learning rate, another seed or other data.

    runs (Sequence[Run]): The runs, finished.
    """
    folders = {run.folder for run in runs}
    for parent in {folder.parent for folder in folders}:
        for folder in parent.iterdir():
            about, chosen = _about(folder), folder in folders
            if about and about.get("chosen") is not chosen:
                write_json(folder / RUN_FILE, {**about, "chosen": chosen})


def input_digest(run: Run, *further: Path) -> str:
    """A digest of all that decides a run: config, overrides, data, encoder.

    run (Run): The run.
    *further (Path): Further files.
    RETURNS (str): SHA-256 in hexadecimal.
    """
    overrides = {} if run.variant == ONTOLOGY_VARIANT else run.all_overrides()
    overrides = {name: value for name, value in overrides.items() if not name.startswith("paths.")}
    digest = hashlib.sha256(
        json.dumps([run.variant, run.seed, run.data.test_notes, overrides], sort_keys=True).encode("utf8")
    )
    encoder = sorted(path for path in run.encoder_path.rglob("*") if path.is_file())
    for path in (run.config, run.data.train, run.data.dev, run.data.test, *encoder, *further):
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
    for line in srsly.read_jsonl(folder / LOG_FILE):
        scores = {name: value / 100 for name, value in line["scores"].items()}
        rows.append({"step": line["step"], "loss": sum(line["losses"].values()), **scores})
    srsly.write_jsonl(folder / CURVE_FILE, rows)


def _steps(folder: Path) -> int:
    return max(int(row["step"]) for row in srsly.read_jsonl(folder / CURVE_FILE))


# The whole comparison -------------------------------------------------------------------------------------------------


def run_all(
    runs: Iterable[Run],
    *,
    learn_rates: Sequence[float] = (),
    use_gpu: int = -1,
    progress: Callable[[str], object] = lambda message: None,
) -> List[Run]:
    """Train all runs. With learning rates to choose from, every variant of an encoder tries each with the seed
    that comes first and keeps the one that is best on the development split: the same budget of tuning for all. Only
    then are runs evaluated on that split, which takes as long as a good part of their training.

    runs (Iterable[Run]): The runs.
    learn_rates (Sequence[float]): Learning rates to choose from; none for the config's.
    use_gpu (int): Id of the GPU, -1 for the CPU.
    progress (Callable[[str], object]): Is told of every run.
    RETURNS (List[Run]): The runs, with their learning rates.
    """
    chosen: Dict[Tuple[str, str], Optional[float]] = {}
    splits = SPLITS if learn_rates else ("test",)
    done = []
    for run in runs:
        key = (run.encoder, run.variant)
        if key not in chosen:
            chosen[key] = _best_rate(run, learn_rates, use_gpu, progress) if learn_rates else run.learn_rate
        run = replace(run, learn_rate=chosen[key])
        trained = run_training(run, use_gpu=use_gpu, splits=splits)
        progress(f"{run.folder}: {'trained' if trained else 'is finished already'}")
        done.append(run)
    choose_runs(done)
    return done


def _best_rate(run: Run, learn_rates: Sequence[float], use_gpu: int, progress: Callable[[str], object]) -> float:
    scores = {}
    for rate in learn_rates:
        trial = replace(run, learn_rate=rate)
        trained = run_training(trial, use_gpu=use_gpu, chosen=False)
        progress(f"{trial.folder}: {'trained' if trained else 'is finished already'}")
        scores[rate] = _selection_score(trial)
    return max(scores, key=lambda rate: scores[rate])


def _selection_score(run: Run) -> float:
    scores: Mapping[str, Optional[float]] = srsly.read_json(run.folder / "dev.json")["scores"]
    weights = {name: weight for name, weight in VARIANTS[run.variant].score_weights.items() if weight}
    known = {name: scores[name] for name in weights if scores[name] is not None}
    if len(known) < len(weights):
        raise ValueError(Errors.E067.format(path=run.data.dev))
    return sum(weights[name] * (score or 0.0) for name, score in known.items())
