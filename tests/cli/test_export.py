"""`spacy cqa export`, as a user types it, and a published checkpoint put into a pipeline by spaCy's own `assemble`."""

import pytest
import spacy
import torch
from spacy.cli._util import app as spacy_app
from transformers import AutoConfig, AutoModelForQuestionAnswering, AutoTokenizer
from typer.testing import CliRunner

import spacy_cqa.cli  # noqa: F401 - puts the group on spaCy's command

from ..conftest import ROOT
from ..notes import NOTES
from .test_commands import fails


def run(*arguments):
    return CliRunner().invoke(spacy_app, [str(argument) for argument in arguments])


def fails_without_output(result, output, *words):
    fails(result, *words)
    assert not output.exists() or [path.name for path in output.iterdir()] == ["mine.txt"]


def test_a_pipeline_is_written_and_read_by_hugging_face(trained_path, tmp_path):
    for _ in range(2):  # an earlier export is replaced
        result = run("cqa", "export", trained_path, tmp_path / "out", "--format", "huggingface")
        assert result.exit_code == 0, result.stderr
        assert "category head is not in it" in result.stdout
    model = AutoModelForQuestionAnswering.from_pretrained(tmp_path / "out").eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    text, asked = NOTES[0]
    pair = tokenizer(asked[0][0], text, return_tensors="pt", return_offsets_mapping=True)
    offsets = pair.pop("offset_mapping")[0]
    with torch.inference_mode():
        logits = model(**pair)
    question = torch.tensor([part == 0 for part in pair.sequence_ids()])
    start, end = (
        int(found[0].masked_fill(question, -torch.inf).argmax()) for found in (logits.start_logits, logits.end_logits)
    )
    assert text[offsets[start][0] : offsets[end][1]] == "azithromycin"


def test_bad_input(trained_path, make_nlp, tmp_path):
    out = tmp_path / "out"
    fails_without_output(run("cqa", "export", trained_path, out, "--format", "onnx"), out, "'onnx'", "huggingface")
    fails_without_output(run("cqa", "export", tmp_path / "nowhere", out), out, "nowhere")
    nlp = make_nlp(model={"separate_layers": 1})
    nlp.to_disk(tmp_path / "separate")
    fails_without_output(run("cqa", "export", tmp_path / "separate", out), out, "CQA-E070", "separate_layers = 0")
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    fails_without_output(run("cqa", "export", trained_path, out), out, "no earlier output")


def test_the_pipeline_itself_is_never_overwritten(trained_path):
    before = sorted(path.name for path in trained_path.iterdir())
    assert run("cqa", "export", trained_path, trained_path).exit_code == 1
    assert sorted(path.name for path in trained_path.iterdir()) == before


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_a_checkpoint_becomes_a_pipeline_by_assemble(family, encoders, tmp_path):
    config = AutoConfig.from_pretrained(encoders(family))
    AutoModelForQuestionAnswering.from_config(config).save_pretrained(tmp_path / "qa")
    AutoTokenizer.from_pretrained(encoders(family)).save_pretrained(tmp_path / "qa")
    sizes = ["--components.clinical_qa.window", "128", "--components.clinical_qa.overlap", "16"]
    overrides = ["--paths.encoder", str(tmp_path / "qa"), *sizes]
    result = run("assemble", ROOT / "configs" / "checkpoint.cfg", tmp_path / "answers", *overrides)
    assert result.exit_code == 0, result.output
    pipe = spacy.load(tmp_path / "answers").get_pipe("clinical_qa")
    pipe.settings["null_threshold"] = 1.0
    assert pipe.ask(NOTES[0][0], NOTES[0][1][0][0])
