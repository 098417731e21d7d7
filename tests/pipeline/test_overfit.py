"""A tiny model learns twenty questions by heart, and answers the same after every way of saving it."""

import pickle

import pytest
import spacy

from ..conftest import train
from ..encoders import WHOLE


def answers_of(nlp, examples):
    docs = nlp.pipe([eg.predicted.copy() for eg in examples])
    return [
        (a.question_id, a.start_char, a.end_char, a.category, round(a.score, 4)) for doc in docs for a in doc._.answers
    ]


def test_learns_twenty_questions_exactly(trained, make_examples):
    examples = make_examples(trained)
    scores = trained.evaluate(examples)
    assert sum(len(eg.predicted._.questions) for eg in examples) == 20
    assert scores["cqa_em"] == 1.0
    assert scores["cqa_cat_acc_gold"] == 1.0
    assert scores["cqa_cat_acc_hit"] == 1.0
    assert scores["cqa_noans_acc"] == 1.0
    assert scores["cqa_list_f1"] == 1.0


@pytest.mark.parametrize("way", ["disk", "bytes", "pickle", "source"])
def test_answers_alike_after(way, trained, trained_path, make_examples):
    examples = make_examples(trained)
    expected = answers_of(trained, examples)
    if way == "disk":
        loaded = spacy.load(trained_path)
    elif way == "bytes":
        loaded = _from_bytes(trained)
    elif way == "pickle":
        loaded = spacy.blank("en")
        loaded.add_pipe("clinical_qa", source=trained)
        component = pickle.loads(pickle.dumps(trained.get_pipe("clinical_qa")))
        loaded._components[0] = ("clinical_qa", component)
    else:
        loaded = spacy.blank("en")
        loaded.add_pipe("clinical_qa", source=trained)
    assert len(expected) >= 17
    assert answers_of(loaded, examples) == expected


def _from_bytes(nlp):
    loaded = spacy.util.get_lang_class("en").from_config(nlp.config)
    return loaded.from_bytes(nlp.to_bytes())


@pytest.mark.parametrize("family", ["roberta", "electra", "modernbert", "distilbert", WHOLE])
def test_every_family_learns(family, make_nlp, make_examples):
    model = {"task_layers": 0} if family == WHOLE else {}
    nlp = make_nlp(family, model=model)
    examples = make_examples(nlp)
    losses = train(nlp, examples, steps=60)
    assert losses[-1] < 0.35 * losses[0]
    assert nlp.evaluate(examples)["cqa_f1"] > 0.7


@pytest.mark.parametrize("separate_layers", [1, 2])
def test_learns_with_separate_layers(separate_layers, make_nlp, make_examples):
    nlp = make_nlp(model={"task_layers": 0, "separate_layers": separate_layers, "crop": 0.5})
    examples = make_examples(nlp)
    losses = train(nlp, examples, steps=150)
    assert losses[-1] < 0.3 * losses[0]
    scores = nlp.evaluate(examples)
    assert scores["cqa_f1"] > 0.8
    assert scores["cqa_cat_acc_gold"] > 0.8
