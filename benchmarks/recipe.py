"""What does each choice of the recipe do? Trains configs/experiments.cfg, the default recipe with a log of its steps,
with one thing changed, at equal cost.

    python benchmarks/recipe.py recipe --budget 320000 --extra NOTES.json [--trial "dropout 0.1" ...] [--seed 0 ...]

Cost is the number of padded subwords that go through the encoder in training, forward and back, with a price for every
call and every step of the optimizer. How many an update takes is counted first, without training; the steps of a trial
follow from it, and its schedules with them. A trial that is finished, with the same inputs, is not run again. The table
(`recipe.md`) shows F1 and category accuracy on the development split and on `--extra`, data that is never trained on.
The test split is not read.
"""

import random
from itertools import islice
from pathlib import Path
from statistics import mean
from typing import Any, Dict, List, Mapping

import typer
from learning_curve import CORPUS, read_scores, score_cells, score_titles, write_measured, write_split
from spacy import registry
from spacy.schemas import ConfigSchemaTraining
from spacy.training.initialize import init_nlp
from spacy.util import load_config, resolve_dot_names
from thinc.api import fix_random_seed

from spacy_cqa.export.tables import markdown_table
from spacy_cqa.models.architectures import get_tokenizer
from spacy_cqa.models.batches import batch_by_length, padded
from spacy_cqa.pipeline.targets import make_training_pieces
from spacy_cqa.training.experiments import Data, Run, run_training

CALL, STEP = 15, 40  # price of a call of the encoder and of a step of the optimizer, in subwords; measured on two cores
SAMPLE = 60  # updates to count
MODEL, TRAINING = "components.clinical_qa.model", "training"

TRIALS: Mapping[str, Dict[str, Any]] = {
    "default": {},
    "dropout 0.1": {f"{TRAINING}.dropout": 0.1},
    "learning rate 0.0003": {f"{TRAINING}.optimizer.learn_rate.initial_rate": 0.0003},
    "learning rate 0.00008": {f"{TRAINING}.optimizer.learn_rate.initial_rate": 0.00008},
    "beta2 0.98": {f"{TRAINING}.optimizer.beta2": 0.98},
    "updates of twice the size": {f"{TRAINING}.batcher.size": 20000},
    "2 questions an example": {"corpora.train.questions_per_example": 2},
    "whole windows": {f"{MODEL}.crop": 1.0},
    "widths from 0.3 on": {f"{MODEL}.crop": 0.3},
    "twice the empty windows": {f"{MODEL}.negative_rate": 0.1},
    "no empty windows": {f"{MODEL}.negative_rate": 0.0},
    "category weight 0.2": {f"{MODEL}.category_weight": 0.2},
}


def main(
    output: Path,
    extra: Path = typer.Option(..., help="Data that is only measured on, SQuAD JSON; not the test split"),
    budget: int = typer.Option(320_000, help="Padded subwords of a trial's training"),
    config: Path = typer.Option(Path("configs/experiments.cfg"), help="The recipe; its logger writes to paths.log"),
    encoder: Path = typer.Option(Path("backbone/minilm"), help="Folder of the encoder"),
    seeds: List[int] = typer.Option([0], "--seed", help="Seeds; repeat for several"),
    trials: List[str] = typer.Option(list(TRIALS), "--trial", help="Some of the trials; repeat for several"),
    gpu: int = typer.Option(-1, "--gpu-id", help="GPU, -1 for the CPU"),
) -> None:
    """Train what is missing, then write the table."""
    unknown = [name for name in trials if name not in TRIALS]
    if unknown:
        raise typer.BadParameter(f"no such trial: {unknown}; there are {list(TRIALS)}", param_hint="--trial")
    train = write_split(output / "data" / "train.spacy", CORPUS / "train.json")
    data = Data(train, *write_measured(output / "data", extra))
    rows = []
    for name in trials:
        steps = max(1, round(budget / subwords_per_update(config, encoder, train, TRIALS[name])))
        runs = [make_run(name, seed, output, config, encoder, data, steps) for seed in seeds]
        for run in runs:
            run_training(run, use_gpu=gpu)
        rows.append([name, str(steps), *score_cells([read_scores(run.folder) for run in runs])])
    table = markdown_table(["Recipe", "Steps", *score_titles(extra.stem)], rows, n_texts=1) + "\n"
    (output / "recipe.md").write_text(table, encoding="utf8")
    typer.echo(table)


def make_run(name: str, seed: int, output: Path, config: Path, encoder: Path, data: Data, steps: int) -> Run:
    """RETURNS (Run): A trial of so many steps, evaluated at its end alone."""
    return Run(
        config=config,
        data=data,
        encoder=name.replace(" ", "-"),
        encoder_path=encoder,
        variant="multitask-soft",
        seed=seed,
        root=output / "runs",
        overrides={
            **TRIALS[name],
            "corpora.dev.limit": 4,  # spaCy evaluates before the first step too
            f"{TRAINING}.max_steps": steps,
            f"{TRAINING}.eval_frequency": steps,
            f"{TRAINING}.optimizer.learn_rate.warmup_steps": round(0.06 * steps),
            f"{TRAINING}.optimizer.groups.heads.learn_rate.warmup_steps": round(0.06 * steps),
        },
    )


def subwords_per_update(config: Path, encoder: Path, train: Path, changes: Mapping[str, Any]) -> float:
    """RETURNS (float): What an update costs, in padded subwords, the mean of the first ones; nothing is trained."""
    paths = {"paths.encoder": str(encoder), "paths.train": str(train), "paths.dev": str(train)}
    nlp = init_nlp(load_config(config, overrides={**changes, **paths}))
    resolved = nlp.config.interpolate()
    settings = registry.resolve(resolved["training"], schema=ConfigSchemaTraining)
    (corpus,) = resolve_dot_names(resolved, [settings["train_corpus"]])
    component = nlp.get_pipe("clinical_qa")
    attrs, tokenizer = component.model.attrs, get_tokenizer(component.model)
    fix_random_seed(0)
    examples = list(corpus(nlp))
    random.shuffle(examples)
    costs = []
    for update in islice(settings["batcher"](examples), SAMPLE):
        pieces, _ = make_training_pieces(
            update,
            tokenizer,
            component._window_settings(),
            spans_key=component.spans_key,
            negative_rate=attrs["negative_rate"],
            crop=attrs["crop"],
        )
        lengths = [piece.piece.length(tokenizer.frame) for piece in pieces]
        batches = list(batch_by_length(lengths, component.settings["max_batch_tokens"]))
        costs.append(STEP + sum(CALL + len(batch) * padded(lengths[batch[0]]) for batch in batches))
    return mean(costs)


if __name__ == "__main__":
    typer.run(main)
