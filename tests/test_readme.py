"""Every code block of the README but Quick start runs, on the tiny pipeline and from a folder laid out as it says."""

import re
import shlex
import shutil
from typing import Dict, List, NamedTuple

import pytest
import spacy
import srsly
from spacy.cli._util import app
from thinc.api import Config
from typer.testing import CliRunner

import spacy_cqa.cli  # noqa: F401 - puts the group on spaCy's command
from spacy_cqa.cli.kb import build
from spacy_cqa.pipeline.clinical_qa import make_clinical_qa
from spacy_cqa.training.converters.squad import records_from_squad

from .conftest import ROOT
from .notes import NOTES

README = (ROOT / "README.md").read_text(encoding="utf8")


class Block(NamedTuple):
    section: str
    language: str
    code: str


def blocks() -> List[Block]:
    found, section = [], ""
    for match in re.finditer(r"^## ([^\n]+)$|^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL):
        if match.group(1):
            section = match.group(1)
        else:
            found.append(Block(section, match.group(2), match.group(3)))
    return found


def of_language(language: str) -> List[Block]:
    return [block for block in blocks() if block.language == language and block.section != "Quick start"]


@pytest.fixture
def folder(tmp_path, trained_path, data, monkeypatch):
    shutil.copytree(trained_path, tmp_path / "training" / "model-best")
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    shutil.copy(data / "notes.json", tmp_path)
    (tmp_path / "note.txt").write_text(NOTES[0][0], encoding="utf8")
    (tmp_path / "corpus").mkdir()
    for split in ("dev", "test"):
        shutil.copy(data / "notes.spacy", tmp_path / "corpus" / f"{split}.spacy")
    (tmp_path / "assets" / "ontology").mkdir(parents=True)
    for path in (ROOT / "assets" / "ontology").glob("*.tsv"):  # the first lines: an index of all names takes a while
        lines = path.read_text(encoding="utf8").splitlines(keepends=True)[:40]
        antibiotic = [line for line in path.open(encoding="utf8") if "\tazithromycin\t" in line]
        (tmp_path / "assets" / "ontology" / path.name).write_text("".join(lines + antibiotic), encoding="utf8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_quick_start_is_one_block_of_two_lines():
    (block,) = [block for block in blocks() if block.section == "Quick start"]
    first, second = block.code.strip().splitlines()
    assert first.endswith("&& python -m spacy project run all")
    assert second.endswith("&& python -m pytest")


def test_every_block_has_a_test():
    languages = {block.language for block in blocks()}
    assert languages == {"bash", "python", "ini", "json", ""}
    assert all("->" in block.code for block in blocks() if not block.language)


def test_python_blocks_run_in_order(folder, capsys):
    build(folder / "assets" / "ontology", folder / "kb" / "starter", form="table")
    namespace: Dict[str, object] = {}
    for block in of_language("python"):
        exec(compile(block.code, f"README, {block.section}", "exec"), namespace)
    out = capsys.readouterr().out
    assert "drug azithromycin Medication" in out
    assert namespace["answers"] is not None
    assert namespace["kb"][namespace["answer"].concept_id].name == "azithromycin"
    assert "dx" in namespace["doc"].spans["clinical_qa"].attrs["questions"]


def test_config_block_makes_the_component():
    (block,) = of_language("ini")
    # The headers above the sections, which an excerpt of a config leaves out.
    headers = "[components]\n[initialize]\n[initialize.components]\n[initialize.components.clinical_qa]\n"
    config = Config().from_str(headers + block.code)
    component = config["components"]["clinical_qa"]
    pipe = spacy.blank("en").add_pipe(component.pop("factory"), config=dict(component))
    assert pipe.questions == {"meds": "What medications is the patient taking?"}
    assert make_clinical_qa.__name__ == "make_clinical_qa"


def test_data_block_is_read():
    (block,) = of_language("json")
    (record,) = records_from_squad(srsly.json_loads(block.code))
    assert record.questions[0].answers[0].text == "azithromycin"


def test_settings_table_tells_the_defaults():
    defaults = spacy.blank("en").get_factory_meta("clinical_qa").default_config
    for line in re.findall(r"^\| (`.+?) \| (.+?) \| .+ \|$", README.split("## Use in a config")[1], re.MULTILINE):
        names, values = re.findall(r"`(\w+)`", line[0]), re.split(r", (?![^{]*})", line[1].replace("`", ""))
        for name, value in zip(names, values):
            if name in defaults:
                assert srsly.json_loads(value) == defaults[name], name


@pytest.mark.timeout(300)
def test_commands_run(folder, encoders):
    runner = CliRunner()
    for block in of_language("bash"):
        for line in block.code.strip().splitlines():
            # The same command, with the tiny encoder and config in place of the real ones.
            line = line.replace("sentence-transformers/all-MiniLM-L6-v2", str(encoders("bert")))
            line = line.replace("configs/clinical_qa.cfg", "configs/test/tiny.cfg")
            command, _, source = line.partition(" < ")
            words = shlex.split(command)
            assert words[:3] == ["python", "-m", "spacy"]
            text = (folder / source).read_text(encoding="utf8") if source else None
            result = runner.invoke(app, words[3:], input=text)
            assert result.exit_code == 0, f"{line}\n{result.output}\n{result.exception}"
    assert (folder / "metrics" / "test.html").exists()
    assert (folder / "answers.html").exists()
    assert (folder / "training" / "linked" / "clinical_qa_linker" / "kb" / "concepts.jsonl").exists()
    assert srsly.read_json(folder / "corpus" / "agreement.json")["union"]["answers"] > 0
    assert (folder / "training" / "model-best").exists()
