"""Variants, and the choice of a learning rate among finished runs; nothing is trained."""

import json
from dataclasses import replace

import pytest

from spacy_cqa.training import experiments
from spacy_cqa.training.experiments import Data, Run, input_digest, run_all, write_json
from spacy_cqa.training.runs import is_trained
from spacy_cqa.training.variants import ONTOLOGY_BASE, ONTOLOGY_VARIANT, VARIANTS

RATES = (1e-4, 3e-4)


@pytest.mark.parametrize(
    ("variant", "spans", "categories"),
    [
        ("span-only", True, False),
        ("category-only", False, True),
        ("multitask-hard", True, True),
        ("multitask-soft", True, True),
    ],
)
def test_heads_of_a_variant(variant, spans, categories):
    assert (VARIANTS[variant].trains_spans, VARIANTS[variant].trains_categories) == (spans, categories)
    measures = ("cqa_f1", "cqa_cat_acc_gold", "cqa_cat_acc_hit")
    assert [is_trained(variant, name) for name in measures] == [spans, categories, spans and categories]


def test_the_ontology_variant_has_the_heads_of_its_base():
    assert ONTOLOGY_VARIANT not in VARIANTS
    for name in ("cqa_f1", "cqa_cat_acc_gold", "cqa_cat_acc_hit"):
        assert is_trained(ONTOLOGY_VARIANT, name) is is_trained(ONTOLOGY_BASE, name) is True


@pytest.fixture
def runs(tmp_path):
    """Two seeds of a variant, not run."""
    for name in ("config", "train", "dev", "test"):
        (tmp_path / name).write_text(name)
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "tokenizer.json").write_text("{}")
    data = Data(tmp_path / "train", tmp_path / "dev", tmp_path / "test")
    return [
        Run(tmp_path / "config", data, "tiny", tmp_path / "encoder", "multitask-soft", seed, tmp_path / "runs")
        for seed in (1, 10)
    ]


def finish(run, f1, accuracy, **about):
    """The folder of a run that is finished."""
    run.folder.mkdir(parents=True)
    for split in ("dev", "test"):
        write_json(run.folder / f"{split}.json", {"scores": {"cqa_f1": f1, "cqa_cat_acc_gold": accuracy}})
    write_json(run.folder / "run.json", {"seed": run.seed, "digest": input_digest(run), **about})


def chosen(run):
    """The folders that are to be compared, by name."""
    found = {path.parent.name: json.loads(path.read_text())["chosen"] for path in run.root.rglob("run.json")}
    return sorted(name for name, is_chosen in found.items() if is_chosen)


def test_of_several_learning_rates_the_best_is_chosen(runs):
    for run in runs:
        finish(replace(run, learn_rate=RATES[0]), 0.5, 1.0, chosen=False)  # 0.7 x 0.5 + 0.3 x 1.0 = 0.65
        finish(replace(run, learn_rate=RATES[1]), 0.9, 0.1)  # 0.7 x 0.9 + 0.3 x 0.1 = 0.66
    done = run_all(runs, learn_rates=RATES)
    assert [run.folder.name for run in done] == ["seed-1-rate-0.0003", "seed-10-rate-0.0003"]
    assert chosen(runs[0]) == ["seed-1-rate-0.0003", "seed-10-rate-0.0003"]


def test_a_run_is_evaluated_on_dev_only_where_a_rate_is_chosen_by_it(runs, monkeypatch):
    evaluated = []

    def train(run, **options):
        evaluated.append((run.learn_rate, tuple(options.get("splits", ("test", "dev")))))
        if not run.folder.exists():
            finish(run, 0.5, 0.5)
        return True

    monkeypatch.setattr(experiments, "run_training", train)
    run_all(runs[:1])
    assert evaluated == [(None, ("test",))]
    run_all(runs[1:], learn_rates=RATES[:1])
    assert {splits for _, splits in evaluated[1:]} == {("test", "dev")}


def test_a_run_that_lacks_a_split_is_not_finished(runs):
    run = runs[0]
    finish(run, 0.5, 0.5)
    digest = input_digest(run)
    assert experiments.is_finished(run.folder, digest, ("test", "dev"))
    (run.folder / "dev.json").unlink()
    assert experiments.is_finished(run.folder, digest, ("test",))
    assert not experiments.is_finished(run.folder, digest, ("test", "dev"))
    assert not experiments.is_finished(run.folder, "another", ("test",))


def test_the_number_of_test_notes_makes_another_run(runs):
    run = runs[0]
    assert input_digest(run) != input_digest(replace(run, data=replace(run.data, test_notes=2)))


def test_the_last_choice_counts(runs):
    for run in (runs[0], replace(runs[0], learn_rate=RATES[0])):
        finish(run, 0.5, 0.5, chosen=True)
    finish(runs[1], 0.5, 0.5, chosen=True)
    run_all(runs[:1], learn_rates=RATES[:1])
    assert chosen(runs[0]) == ["seed-1-rate-0.0001"]
    run_all(runs)
    assert chosen(runs[0]) == ["seed-1", "seed-10"]


def test_a_changed_input_is_another_run(runs):
    digests = {input_digest(run) for run in runs}
    for path in (runs[0].config, runs[0].data.test, runs[0].encoder_path / "tokenizer.json"):
        path.write_text("changed")
        digests.add(input_digest(runs[0]))
    digests.add(input_digest(replace(runs[0], overrides={"training.max_steps": 5})))
    assert len(digests) == 2 + 3 + 1


def test_choosing_keeps_the_rest_of_run_json(runs):
    run = replace(runs[0], learn_rate=RATES[0])
    finish(run, 0.5, 0.5, chosen=False, learn_rate=0.1 + 0.2)
    run_all(runs[:1], learn_rates=RATES[:1])
    expected = {"seed": 1, "digest": input_digest(run), "chosen": True, "learn_rate": 0.1 + 0.2}
    assert json.loads((run.folder / "run.json").read_text()) == expected
