"""`spacy project run` on a small copy: everything once, nothing twice, and again where an input changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import srsly

from ..conftest import CORPUS, ROOT

COMMANDS = ["backbone", "convert", "fit", "evaluate", "package", "ask"]


@pytest.fixture(scope="module")
def project(tmp_path_factory, encoders):
    """A copy of the project with a few notes of the corpus, a random encoder and the tiny config."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "project.yml", folder)
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copytree(ROOT / "assets" / "examples", folder / "assets" / "examples")
    (folder / "assets" / "corpus").mkdir()
    for split, n_notes in (("train", 6), ("dev", 2), ("test", 2)):
        data = srsly.read_json(CORPUS / f"{split}.json")
        data["data"] = data["data"][:n_notes]
        srsly.write_json(folder / "assets" / "corpus" / f"{split}.json", data)
    shutil.copytree(encoders("bert"), folder / "encoder")
    return folder


def run(project: Path, name: str) -> str:
    command = [sys.executable, "-m", "spacy", "project", "run", name, str(project)]
    overrides = ["--vars.config", "test/tiny.cfg", "--vars.encoder", "encoder"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, *overrides], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def skipped(output: str):
    return [name for name in COMMANDS if f"Skipping '{name}'" in output]


@pytest.mark.timeout(600)
def test_workflow(project):
    workflows = srsly.read_yaml(project / "project.yml")["workflows"]
    assert workflows["all"] == COMMANDS

    # `train` alone works from nothing, and `all` goes on from there.
    run(project, "train")
    assert (project / "training" / "model-best" / "clinical_qa" / "model.safetensors").exists()
    first = run(project, "all")
    assert skipped(first) == ["backbone", "convert", "fit"]
    assert "Which antibiotic was started?" in first
    assert srsly.read_json(project / "metrics" / "test.json")["notes"] == 2
    assert "<mark" in (project / "answers" / "example.html").read_text() or "no answer" in first
    (wheel,) = (project / "packages").rglob("*.whl")
    assert wheel.name.startswith("en_clinical_qa-0.1.0")

    assert skipped(run(project, "all")) == COMMANDS

    config = project / "configs" / "test" / "tiny.cfg"
    config.write_text(config.read_text().replace("max_steps = 20", "max_steps = 10"))
    assert skipped(run(project, "train")) == ["backbone", "convert"]


@pytest.mark.timeout(300)
def test_wheel_in_a_fresh_environment(project, tmp_path):
    """The packaged pipeline answers in an environment that has only the dependencies and the wheel."""
    wheels = list((project / "packages").rglob("*.whl"))
    if not wheels:
        pytest.skip("the workflow test made no wheel")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    (packages,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    # Dependencies are shared with this environment instead of downloaded again.
    inherited = [path for path in sys.path if path.endswith("site-packages")] + [str(ROOT)]
    (packages / "inherited.pth").write_text("\n".join(inherited), encoding="utf8")
    target = ["--no-deps", "--target", str(packages), str(wheels[0])]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *target], check=True)
    code = (
        "import en_clinical_qa; nlp = en_clinical_qa.load(); pipe = nlp.get_pipe('clinical_qa');"
        "pipe.settings['null_threshold'] = 1.0; print(len(pipe.ask('Start azithromycin.', 'Which drug?')));"
        "print(nlp.meta['description'], nlp.meta['requirements'])"
    )
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    count, meta = done.stdout.splitlines()
    assert int(count) >= 1
    assert "spacy-cqa" in meta


def test_commands_are_documented_and_closed():
    """Every command has a help text; every input is an asset or some command's output; every config exists."""
    project = srsly.read_yaml(ROOT / "project.yml")
    commands = {command["name"]: command for command in project["commands"]}
    assert list(commands)[: len(COMMANDS)] == COMMANDS
    for workflow in project["workflows"].values():
        check_closed([commands[name] for name in workflow])
    assert (ROOT / "configs" / project["vars"]["config"]).exists()


def check_closed(commands):
    made = {"configs/${vars.config}"}
    for command in commands:
        assert command["help"]
        for path in command.get("deps", []):
            assert path in made or path.startswith(("assets/", "configs/")), path
            assert path in made or (ROOT / path).exists(), path
        outputs = [*command.get("outputs", []), *command.get("outputs_no_cache", [])]
        made.update([*outputs, *(str(parent) for path in outputs for parent in Path(path).parents)])
