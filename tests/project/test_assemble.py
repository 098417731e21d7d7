"""spaCy's own ways of making a pipeline from a config: fill-config, assemble, init."""

import spacy
from spacy.cli.assemble import assemble_cli
from spacy.cli.init_config import fill_config
from spacy.util import load_config

BASE = """
[paths]
train = null
dev = null

[nlp]
lang = "en"
pipeline = ["clinical_qa"]

[components]

[components.clinical_qa]
factory = "clinical_qa"

[initialize]

[initialize.components]

[initialize.components.clinical_qa]

[initialize.components.clinical_qa.encoder]
@misc = "spacy-cqa.EncoderLoader.v1"
name = "{encoder}"
"""

SOURCED = """
[nlp]
lang = "en"
pipeline = ["clinical_qa"]

[components]

[components.clinical_qa]
source = "{path}"
"""


def test_fill_config_completes_a_bare_component(tmp_path):
    (tmp_path / "base.cfg").write_text(BASE.format(encoder="somewhere"), encoding="utf8")
    fill_config(tmp_path / "full.cfg", tmp_path / "base.cfg", silent=True)
    component = load_config(tmp_path / "full.cfg")["components"]["clinical_qa"]
    assert component["window"] == 384
    assert component["model"]["@architectures"] == "spacy-cqa.MultiTaskReader.v1"
    assert component["scorer"] == {"@scorers": "spacy-cqa.clinical_qa_scorer.v1"}


def test_assemble_a_trained_component(trained_path, tmp_path):
    (tmp_path / "assemble.cfg").write_text(SOURCED.format(path=trained_path), encoding="utf8")
    fill_config(tmp_path / "full.cfg", tmp_path / "assemble.cfg", silent=True)
    context = type("Context", (), {"args": []})()
    assemble_cli(
        context,
        tmp_path / "full.cfg",
        tmp_path / "out",
        code_path=None,
        verbose=False,
    )
    nlp = spacy.load(tmp_path / "out")
    answers = nlp.get_pipe("clinical_qa").ask(
        "ASSESSMENT: 1. Community acquired pneumonia. Start azithromycin 500 mg daily. LABS: WBC 14.2, creatinine 0.9.",
        "Which antibiotic was started?",
    )
    assert [answer.text for answer in answers] == ["azithromycin"]
