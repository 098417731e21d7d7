"""`spacy project run experiments` on a small copy: every variant, resumed after a kill, and the tables of it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import srsly

from spacy_cqa.training.variants import ONTOLOGY_VARIANT, VARIANTS

from ..conftest import CORPUS, ROOT

SMALL = {
    "max_steps = 250": "max_steps = 4",
    "eval_frequency = 125": "eval_frequency = 2",
    "window = 192": "window = 144",
    "max_question_tokens = 48": "max_question_tokens = 64",
    "size = 10000": "size = 4000",
    "limit = 4": "limit = 1",
}
ALL = [*VARIANTS, ONTOLOGY_VARIANT]


@pytest.fixture(scope="module")
def project(tmp_path_factory, encoders):
    """A copy of the project with a few notes, a few concepts, a random encoder and few steps."""
    folder = tmp_path_factory.mktemp("experiments")
    shutil.copy(ROOT / "project.yml", folder)
    shutil.copytree(ROOT / "configs", folder / "configs")
    (folder / "assets" / "corpus").mkdir(parents=True)
    for split, n_notes in (("train", 4), ("dev", 2), ("test", 3)):
        data = srsly.read_json(CORPUS / f"{split}.json")
        data["data"] = data["data"][:n_notes]
        srsly.write_json(folder / "assets" / "corpus" / f"{split}.json", data)
    (folder / "assets" / "ontology").mkdir()
    for path in (ROOT / "assets" / "ontology").glob("*.tsv"):
        lines = path.read_text(encoding="utf8").splitlines(keepends=True)[:60]
        (folder / "assets" / "ontology" / path.name).write_text("".join(lines), encoding="utf8")
    shutil.copytree(encoders("bert"), folder / "encoder")
    config = (folder / "configs" / "experiments.cfg").read_text()
    for old, new in SMALL.items():
        assert old in config, old
        config = config.replace(old, new)
    (folder / "configs" / "experiments.cfg").write_text(config)
    return folder


def start(project: Path, name: str) -> subprocess.Popen:
    overrides = ["--vars.encoder", "encoder", "--vars.seeds", "0,1"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "spacy", "project", "run", name, str(project), *overrides]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, env=environment, start_new_session=True, **pipes)  # type: ignore[call-overload]


def run(project: Path, name: str) -> str:
    output, _ = (process := start(project, name)).communicate()
    assert process.returncode == 0, output[-3000:]
    return output


def finished(project: Path) -> dict:
    return {path.parent: path.stat().st_mtime_ns for path in (project / "runs").rglob("run.json")}


@pytest.mark.timeout(900)
def test_workflow_resumes_after_a_kill_and_makes_the_tables(project):
    process = start(project, "experiments")
    while len(finished(project)) < 2 and process.poll() is None:
        time.sleep(0.2)
    assert process.poll() is None, process.communicate()[0][-3000:]
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = finished(project)
    assert 2 <= len(before) < 2 * len(ALL)

    output = run(project, "experiments")
    after = finished(project)
    assert {folder.parent.name for folder in after} == set(ALL)
    assert len(after) == 2 * len(ALL)
    assert all(after[folder] == when for folder, when in before.items())
    assert output.count("is finished already") == len(before)

    tables = srsly.read_json(project / "metrics" / "experiments" / "tables.json")
    assert [row["variant"] for row in tables["results"]] == ALL
    assert all(row["seeds"] == [0, 1] for row in tables["results"])
    assert tables["notes"] == 3
    assert "Skipping 'runs'" in run(project, "experiments")
    assert finished(project) == after


def test_a_run_keeps_what_it_was_made_of(project):
    if not (project / "runs").exists():
        pytest.skip("the workflow test made no runs")
    folder = project / "runs" / "minilm" / "multitask-soft" / "seed-1"
    about = srsly.read_json(folder / "run.json")
    assert (about["encoder"], about["variant"], about["seed"], about["steps"]) == ("minilm", "multitask-soft", 1, 4)
    assert [row["step"] for row in srsly.read_jsonl(folder / "curve.jsonl")] == [0, 2, 4]
    config = (folder / "model" / "config.cfg").read_text()
    assert "seed = 1" in config
    ontology = srsly.read_json(project / "runs" / "minilm" / ONTOLOGY_VARIANT / "seed-1" / "run.json")
    assert 0 <= ontology["linker_weight"] <= 1
    # The reader is the same, so the answers are, and only categories may differ.
    rows = [
        srsly.read_json(f / "test.json")["questions"]
        for f in (folder, folder.parent.parent / ONTOLOGY_VARIANT / "seed-1")
    ]
    assert [row["f1"] for row in rows[0]] == [row["f1"] for row in rows[1]]
