"""The package as an installed whole: entry points, configs, directions of imports, cost of the first pipeline."""

import ast
import configparser
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Iterator, Tuple

import pytest
from spacy.util import load_config

from .conftest import ROOT

PACKAGE = ROOT / "spacy_cqa"
CONFIGS = sorted((ROOT / "configs").rglob("*.cfg"))

# From the top down: a module may import from its own layer and the ones below it.
LAYERS = [
    {"cli"},
    {"export", "training"},
    {"pipeline"},
    {"models", "ontology"},
    {"schemas", "alignment", "categories", "metrics", "statistics", "calibration", "files"},
    {"types", "errors", "about"},
]
GROUPS = {
    "spacy_factories",
    "spacy_architectures",
    "spacy_readers",
    "spacy_batchers",
    "spacy_scorers",
    "spacy_misc",
    "spacy_callbacks",
    "spacy_cli",
    "spacy_displacy_colors",
    "thinc_optimizers",
}


def entry_points() -> Iterator[Tuple[str, str, str]]:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(ROOT / "setup.cfg", encoding="utf8")
    for group, lines in parser["options.entry_points"].items():
        for line in lines.strip().splitlines():
            name, _, target = line.partition("=")
            yield group, name.strip(), target.strip()


def test_every_group_is_there():
    assert {group for group, _, _ in entry_points()} == GROUPS


@pytest.mark.parametrize(("group", "name", "target"), list(entry_points()))
def test_entry_point_resolves(group, name, target):
    module, _, attribute = target.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    assert callable(found) or isinstance(found, dict)
    if group not in ("spacy_factories", "spacy_cli", "spacy_displacy_colors"):
        assert name.startswith("spacy-cqa.")
        assert name.rsplit(".", 1)[1].startswith("v")


def test_registered_names_are_found_by_spacy():
    from spacy import registry

    assert registry.architectures.get("spacy-cqa.MultiTaskReader.v1")
    assert registry.readers.get("spacy-cqa.QACorpus.v1")
    assert registry.optimizers.get("spacy-cqa.GroupedAdam.v1")


def modules() -> Iterator[Tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield ".".join(path.relative_to(PACKAGE).with_suffix("").parts), path


def layer_of(name: str) -> int:
    return next((n for n, layer in enumerate(LAYERS) if name in layer), -1)


def own_imports(name: str, path: Path) -> Iterator[str]:
    """The top rooms of our package that a module imports from."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            parts = [*name.split(".")[: -node.level], *(node.module.split(".") if node.module else [])]
            yield from [parts[0]] if parts else [alias.name for alias in node.names]


@pytest.mark.parametrize(("name", "path"), list(modules()))
def test_imports_go_down_only(name, path):
    own = layer_of(name.split(".")[0])
    if own < 0:
        assert name == "__init__"
        return
    for room in own_imports(name, path):
        assert layer_of(room) >= own, f"{name} imports from {room}"


@pytest.mark.parametrize(("name", "path"), list(modules()))
def test_only_models_imports_torch(name, path):
    found = {
        alias.name.split(".")[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf8")))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in ([ast.alias(node.module or "")] if isinstance(node, ast.ImportFrom) else node.names)
    }
    if not name.startswith("models"):
        assert not found & {"torch", "transformers"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_is_valid_and_complete(path):
    """As `spacy debug config` does, without a download: resolving a config touches no weights."""
    command = [sys.executable, "-m", "spacy", "debug", "config", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, env=offline_env())
    assert done.returncode == 0, done.stdout + done.stderr


def offline_env():
    import os

    return {**os.environ, "HF_HUB_OFFLINE": "1"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_is_filled(path, tmp_path):
    """`spacy init fill-config` would add nothing."""
    from spacy.cli.init_config import fill_config

    fill_config(tmp_path / "filled.cfg", path, silent=True)
    assert load_config(tmp_path / "filled.cfg") == load_config(path)


def test_paper_s_sizes():
    config = load_config(ROOT / "configs" / "clinicalbert.cfg")["components"]["clinical_qa"]["model"]
    assert config["span_hidden"] == [512, 256]
    assert len(config["category_hidden"]) + 1 == 3
    assert config["task_layers"] == config["separate_layers"] == 0


IMPORT_COST = """
import sys, time
import spacy
spacy.blank("en")  # loads every installed factory once, ours among them
own = [name for name in sys.modules if name.split(".")[0] == "spacy_cqa"]
heavy = [name for name in own if name.startswith("spacy_cqa.models") or name.startswith("spacy_cqa.training")]
assert own and not heavy, heavy
for name in own:
    del sys.modules[name]
"""


def test_first_pipeline_loads_no_heavy_module_of_ours():
    """The time itself is in benchmarks/import_time.py; what costs time is checked here."""
    done = subprocess.run([sys.executable, "-c", IMPORT_COST], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_cli_modules_import_only_typer_at_the_top():
    code = (
        "import sys, spacy.cli\n"
        "before = set(sys.modules)\n"
        "import spacy_cqa.cli\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "assert new <= {'spacy_cqa'}, new\n"
        "assert not any(name.startswith('spacy_cqa.models') for name in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
