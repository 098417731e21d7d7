"""Fitting the weight of the linker's evidence."""

import pytest

from spacy_cqa.ontology.concepts import make_concept
from spacy_cqa.ontology.kb import build_kb
from spacy_cqa.training.corpus import QACorpus
from spacy_cqa.training.linking import WEIGHTS, add_linker, fit_linker_weight

# The reader knows the answers of the notes by heart; this evidence is right of some and wrong of others.
CONCEPTS = [
    make_concept("C1", ["azithromycin", "aspirin", "warfarin"], ["T195"]),
    make_concept("C2", ["community acquired pneumonia", "pneumonia"], ["T121"]),
    make_concept("C3", ["cough", "fever"], ["T184"]),
    make_concept("C4", ["14.2", "creatinine"], ["T047"]),
]


@pytest.fixture
def kb(tmp_path):
    build_kb(CONCEPTS, tmp_path / "kb")
    return tmp_path / "kb"


@pytest.fixture
def nlp(trained_path):
    import spacy

    return spacy.load(trained_path)


def test_the_weight_is_the_middle_of_the_best_and_its_accuracies_are_those_of_the_pipeline(nlp, kb, data):
    linker = add_linker(nlp, str(kb))
    fitted = fit_linker_weight(nlp, linker, data / "notes.spacy")
    assert list(fitted.accuracies) == list(WEIGHTS)
    best = [weight for weight in WEIGHTS if fitted.accuracies[weight] == max(fitted.accuracies.values())]
    assert fitted.weight == best[len(best) // 2] == linker.cfg["linker_weight"] == linker.weight
    # The evidence is wrong of some answers, so all of it is worse than none.
    assert fitted.accuracies[1.0] < fitted.accuracies[0.0]
    for weight in (0.0, 0.5, 1.0):
        linker.settings["linker_weight"] = weight
        scores = nlp.evaluate(list(QACorpus(data / "notes.spacy")(nlp)))
        assert scores["cqa_cat_acc_gold"] == pytest.approx(fitted.accuracies[weight])


def test_a_linker_that_is_there_is_replaced(nlp, kb):
    add_linker(nlp, str(kb), threshold=0.9)
    linker = add_linker(nlp, str(kb), category_source="ontology")
    assert nlp.pipe_names.count("clinical_qa_linker") == 1
    assert (linker.settings["threshold"], linker.settings["category_source"]) == (0.7, "ontology")


def test_data_without_categories_is_an_error(nlp, kb, tmp_path):
    import srsly

    qa = {"id": "a", "question": "Which drug?", "answers": [{"text": "aspirin", "answer_start": 6}]}
    srsly.write_json(tmp_path / "dev.json", {"data": [{"paragraphs": [{"context": "Takes aspirin.", "qas": [qa]}]}]})
    with pytest.raises(ValueError, match="E067"):
        fit_linker_weight(nlp, add_linker(nlp, str(kb)), tmp_path / "dev.json")
