"""What the default pipeline must reach: `python -m pytest -m slow` after `spacy project run train`."""

import pytest
import spacy
import srsly

from spacy_cqa.cli.evaluate import evaluate

from .conftest import ROOT, SHARED_DATA

MODEL = ROOT / "training" / "model-best"
PROBES = ROOT / "tests" / "probes.json"
ACI = SHARED_DATA / "aci_cqa" / "dev.json"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MODEL.exists(), reason="train the default pipeline first: spacy project run train"),
]


def test_probes():
    """Forty plain notes that are not in the corpus: exact spans, and categories of the gold spans."""
    scores, results = evaluate(str(MODEL), PROBES)
    assert len(results) == 120
    assert scores["cqa_hasans_em"] >= 0.60
    assert scores["cqa_cat_acc_gold"] >= 0.85


def test_the_note_of_the_readme():
    note = srsly.read_json(PROBES)["data"][0]["paragraphs"][0]["context"]
    asked = {
        "drug": "Which antibiotic was started?",
        "dx": "What is the diagnosis?",
        "white": "What was the white count?",
    }
    answers = spacy.load(MODEL).get_pipe("clinical_qa").ask(note, asked)
    best = {answer.question_id: answer for answer in answers if answer.rank == 1}
    assert "azithromycin" in best["drug"].text
    assert best["drug"].category == "Medication"
    assert "pneumonia" in best["dx"].text
    assert best["dx"].category == "Diagnosis"
    assert "14.2" in best["white"].text
    assert best["white"].category == "Lab Reports"


@pytest.mark.shared_data
@pytest.mark.skipif(not ACI.exists(), reason="needs the development data beside the checkout")
def test_notes_of_real_style():
    scores, _ = evaluate(str(MODEL), ACI)
    assert scores["cqa_hasans_f1"] >= 0.30
