"""The stream of generated questions: exact, balanced, reproducible, and never of another split."""

from collections import Counter
from itertools import islice, pairwise

import pytest

from spacy_cqa.alignment import holds_words
from spacy_cqa.training.generate.patterns import MAX_ANSWER_WORDS
from spacy_cqa.training.generate.stream import generate
from spacy_cqa.types import CATEGORIES

from .notes import NOTE, written_note


def test_every_answer_is_at_its_place(records):
    for record in records:
        for question in record.questions:
            for answer in question.answers:
                assert record.text[answer.start : answer.end] == answer.text == answer.text.strip() != ""
                assert len(answer.text.split()) <= MAX_ANSWER_WORDS
                assert " " not in answer.text or not holds_words(question.text, answer.text)


def test_answers_do_not_overlap_and_are_in_order(records):
    for record in records:
        for question in record.questions:
            places = [(answer.start, answer.end) for answer in question.answers]
            assert all(first[1] <= second[0] for first, second in pairwise(places))


def test_kind_category_and_answers_agree(records):
    for question in (question for record in records for question in record.questions):
        different = {answer.text.lower() for answer in question.answers}
        assert question.kind == ("impossible" if not different else "single" if len(different) == 1 else "list")
        assert (question.category in CATEGORIES) == bool(different)
        if question.category_probs is not None:
            assert sum(question.category_probs) == pytest.approx(1)
            likely = {name for name, share in zip(CATEGORIES, question.category_probs) if share}
            assert likely == {question.category, *question.also}
            assert max(question.category_probs) == question.category_probs[CATEGORIES.index(question.category)]
        else:
            assert not question.also


def test_a_note_is_asked_nothing_twice_and_every_question_has_its_id(records):
    ids = [question.id for record in records for question in record.questions]
    assert len(ids) == len(set(ids)) == 2000
    for text in {record.text for record in records}:
        asked = [question.text for record in records if record.text == text for question in record.questions]
        assert len(asked) == len(set(asked))


def test_categories_and_kinds_are_balanced(records):
    questions = [question for record in records for question in record.questions]
    kinds = Counter(question.kind for question in questions)
    assert 0.17 < kinds["impossible"] / 2000 < 0.23
    assert 0.17 < kinds["list"] / 2000 < 0.25
    categories = Counter(question.category for question in questions if question.category)
    assert set(categories) == set(CATEGORIES)
    assert max(categories.values()) < 1.2 * min(categories.values())


def test_the_same_seed_gives_the_same_and_another_seed_something_else():
    first, again, other = (list(generate(60, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert not {record.text for record in first} & {record.text for record in other}


def test_a_stream_is_read_as_far_as_needed():
    assert len(list(islice(generate(10**9), 3))) == 3


def test_count_and_most_of_a_note():
    records = list(generate(50, per_note=4))
    assert sum(len(record.questions) for record in records) == 50
    assert max(len(record.questions) for record in records) == 4


def test_a_written_note_comes_until_nothing_is_left():
    records = list(generate(3000, seed=1, written=[written_note()], written_share=0.9, per_note=10))
    asked = [question.text for record in records if record.text == NOTE for question in record.questions]
    assert 50 < len(asked) == len(set(asked)) < 1000
    assert records[-1].text != NOTE
    assert "entities" not in records[0].meta["paragraph"]


@pytest.mark.parametrize("split", ["dev", "test", None])
def test_only_a_training_split_is_asked_about(split):
    with pytest.raises(ValueError, match="E069"):
        list(generate(10, written=[written_note(split)]))
