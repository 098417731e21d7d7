"""`spacy cqa experiments`: the paper's comparison of single-task and multi-task training."""

from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Optional, Sequence

import typer

from ._util import one_clear_error, progress

if TYPE_CHECKING:
    from ..training.experiments import Run

# Bio_ClinicalBERT is cased, but its tokenizer lower-cases by default.
_CASED = {"initialize.components.clinical_qa.encoder.lower_case": False}


def experiments_cli(
    config: Path = typer.Argument(..., help="Training config, such as configs/experiments.cfg"),
    output: Path = typer.Argument(..., help="Folder of the runs; finished ones are kept"),
    train: Path = typer.Option(..., "--train", help="Training split, .spacy or SQuAD JSON"),
    dev: Path = typer.Option(..., "--dev", help="Development split: every choice is made on it"),
    test: Path = typer.Option(..., "--test", help="Test split: read once a run, for the tables"),
    encoders: List[str] = typer.Option(..., "--encoder", help="NAME=FOLDER of an encoder; may be given many times"),
    variants: List[str] = typer.Option([], "--variant", help="Variants to train; all of them by default"),
    seeds: str = typer.Option("0,1,2", "--seeds", help="Seeds, separated by commas"),
    rates: List[float] = typer.Option([], "--rate", help="Learning rates that every variant may choose from"),
    cased: List[str] = typer.Option([], "--cased", help="Encoders whose tokenizer must not lower-case, by name"),
    kb: Optional[str] = typer.Option(None, "--kb", help="Knowledge base for the variant multitask-ontology"),
    test_notes: int = typer.Option(0, "--test-notes", min=0, help="First notes of the test split to read, 0 for all"),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU id, -1 for the CPU"),
) -> None:
    """Train span-only, category-only, multi-task with hard and with soft labels and, with a knowledge base, multi-task
    with ontology; for each encoder and seed. A finished run with the same inputs is not run again, a broken one is.

    Example: python -m spacy cqa experiments configs/experiments.cfg runs --train corpus/train.spacy
    --dev corpus/dev.spacy --test corpus/test.spacy --encoder minilm=backbone/minilm --kb kb/starter
    """
    with one_clear_error():
        from ..training.experiments import choose_runs, run_all
        from ..training.linking import run_ontology
        from ..training.variants import ONTOLOGY_BASE

        if kb is not None:
            check_kb(kb)
        found = parse_encoders(encoders)
        runs = plan(config, output, train, dev, test, found, variants, parse_seeds(seeds), cased, test_notes)
        done = run_all(runs, learn_rates=rates, use_gpu=use_gpu, progress=progress)
        if kb is not None:
            linked = [run_ontology(run, kb, progress=progress) for run in done if run.variant == ONTOLOGY_BASE]
            choose_runs(linked)
            done += linked
        for run in done:
            typer.echo(run.folder)


def check_kb(kb: str) -> None:
    """Check a knowledge base before anything is trained.

    kb (str): A folder, or one of scispacy's names.
    RAISES (ValueError): E060: it is no folder of a knowledge base.
    """
    from ..ontology.kb import SCISPACY_NAMES, check_folder

    if kb not in SCISPACY_NAMES:
        check_folder(Path(kb))


def parse_encoders(values: List[str]) -> Dict[str, Path]:
    """RETURNS (Dict[str, Path]): Folders by name.
    RAISES (ValueError): A value is not NAME=FOLDER, or the folder is missing.
    """
    found: Dict[str, Path] = {}
    for value in values:
        name, _, folder = value.partition("=")
        if not name or not folder:
            raise ValueError(f"--encoder takes NAME=FOLDER, such as minilm=backbone/minilm, not {value!r}.")
        if not Path(folder).is_dir():
            raise ValueError(f"No encoder in {folder}: fetch it with `spacy cqa backbone`.")
        found[name] = Path(folder)
    return found


def parse_seeds(text: str) -> List[int]:
    """RETURNS (List[int]): The seeds of a text such as "0,1,2".
    RAISES (ValueError): It holds something else, or a seed twice.
    """
    seeds = [part.strip() for part in text.split(",")]
    if not all(seed.isdecimal() for seed in seeds) or len(set(seeds)) < len(seeds):
        raise ValueError(f"--seeds is {text!r}, but must be different whole numbers with commas between, as 0,1,2.")
    return [int(seed) for seed in seeds]


def plan(
    config: Path,
    output: Path,
    train: Path,
    dev: Path,
    test: Path,
    encoders: Dict[str, Path],
    variants: List[str],
    seeds: List[int],
    cased: Sequence[str] = (),
    test_notes: int = 0,
) -> List["Run"]:
    """RETURNS (List[Run]): The runs of all encoders, variants and seeds.
    RAISES (ValueError): A variant or a cased encoder is unknown, or a file is missing.
    """
    from ..training.experiments import Data, Run
    from ..training.variants import VARIANTS

    unknown = [name for name in variants if name not in VARIANTS]
    if unknown:
        raise ValueError(f"Unknown variant {unknown[0]!r}. Known: {', '.join(VARIANTS)}.")
    strange = [name for name in cased if name not in encoders]
    if strange:
        raise ValueError(f"--cased {strange[0]} names no --encoder. Given: {', '.join(encoders)}.")
    missing = [path for path in (config, train, dev, test) if not path.exists()]
    if missing:
        raise ValueError(f"{missing[0]} does not exist. Check the path.")
    data = Data(train, dev, test, test_notes)
    return [
        Run(config, data, encoder, folder, variant, seed, output, overrides=_CASED if encoder in cased else {})
        for encoder, folder in encoders.items()
        for seed in seeds  # before the variants: what is there after a while can be compared already
        for variant in (variants or VARIANTS)
    ]
