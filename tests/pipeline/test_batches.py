"""The same answers whatever the batch: other notes beside, other budgets of subwords, another precision."""

import pytest
import spacy

from ..conftest import train
from ..notes import NOTES


def ask_all(nlp, *, together, repeat=1, **settings):
    """Answers to all questions of all notes, the notes alone or in one batch, by (note, question)."""
    pipe = nlp.get_pipe("clinical_qa")
    pipe.settings.update(settings)
    docs = []
    for text, asked in NOTES:
        doc = nlp.make_doc((text + "\n\n") * repeat)
        doc._.questions = [question for question, *_ in asked]
        docs.append(doc)
    batches = [docs] if together else [[doc] for doc in docs]
    found = [result for batch in batches for result in pipe.predict(batch)]
    return {
        (n, qid): ([(s.start, s.end, s.category, s.score) for s in result.spans if s.question_id == qid], null)
        for n, result in enumerate(found)
        for qid, null in result.null_scores.items()
    }


@pytest.fixture
def nlp(trained_path):
    return spacy.load(trained_path)


@pytest.fixture(scope="module")
def separate_nlp(make_nlp, make_examples):
    """A little trained, two of three layers separate."""
    nlp = make_nlp(model={"task_layers": 0, "separate_layers": 2}, null_threshold=1.0)
    train(nlp, make_examples(nlp), steps=30)
    return nlp


@pytest.mark.parametrize("repeat", [1, 4])
@pytest.mark.parametrize("kind", ["nlp", "separate_nlp"])
def test_float32_answers_do_not_depend_on_the_batch(kind, repeat, request):
    nlp = request.getfixturevalue(kind)
    alone = ask_all(nlp, together=False, repeat=repeat)
    assert len(alone) == 20
    assert any(spans for spans, _ in alone.values())
    for max_batch_tokens in (64, 500, 100_000):
        together = ask_all(nlp, together=True, repeat=repeat, max_batch_tokens=max_batch_tokens)
        assert together.keys() == alone.keys()
        for key, (spans, null) in alone.items():
            other, other_null = together[key]
            assert [s[:3] for s in spans] == [s[:3] for s in other], key
            assert [s[3] for s in spans] == pytest.approx([s[3] for s in other], abs=1e-4)
            assert null == pytest.approx(other_null, abs=1e-4)


def test_bfloat16_answers_hardly_depend_on_the_batch(nlp):
    alone = ask_all(nlp, together=False, precision="bfloat16")
    together = ask_all(nlp, together=True, precision="bfloat16")
    same = [[s[:2] for s in alone[key][0]] == [s[:2] for s in together[key][0]] for key in alone]
    assert sum(same) >= 0.97 * len(same)
    for key, (_, null) in alone.items():
        assert null == pytest.approx(together[key][1], abs=0.03)


def test_precision_changes_the_numbers(nlp):
    exact, rough = ask_all(nlp, together=True), ask_all(nlp, together=True, precision="bfloat16")
    assert any(exact[key][1] != rough[key][1] for key in exact)
